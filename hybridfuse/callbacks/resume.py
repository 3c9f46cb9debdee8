import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hybridfuse import check
from hybridfuse.disk import whole


class Resume(pl.Callback):
    """Writes now and then, between two epochs, all that a run needs to go on as if it had never been interrupted.

    That is the usual checkpoint and the state of all random numbers, so that the numbers come out the same to the last
    bit. `checkpoints/last.ckpt` in the folder of the run; it goes when the training is over.

    Args:
        seconds: of training between two of them, at least 0; shorter runs are begun anew, which costs less.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = check.at_least("seconds", seconds, 0)
        self._written = 0.0
        self._state: dict[str, Any] | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._written = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._state is not None:
            _set_random_state(self._state)
            self._state = None
            # The order of this epoch's batches was drawn before, by other random numbers.
            iter(trainer.fit_loop._data_fetcher)  # pyright: ignore
        elif trainer.current_epoch and time.monotonic() - self._written >= self.seconds:
            self._write(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        checkpoint(Path(trainer.default_root_dir)).unlink(missing_ok=True)

    def _write(self, trainer: pl.Trainer) -> None:
        path = checkpoint(Path(trainer.default_root_dir))
        path.parent.mkdir(exist_ok=True)
        # What Lightning itself does next; it would take the old counts for those of an epoch that is nearly over.
        loop: Any = trainer.fit_loop.epoch_loop
        for progress in (loop.batch_progress, loop.scheduler_progress, loop.automatic_optimization.optim_progress):
            progress.reset_on_run()
        loop.val_loop.batch_progress.total.reset()
        with whole(path) as temporary:
            trainer.save_checkpoint(temporary)
        self._written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return _random_state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict


def checkpoint(folder: Path) -> Path:
    """Where a run of this folder goes on, if there is a file."""
    return folder / "checkpoints" / "last.ckpt"


def _random_state() -> dict[str, Any]:
    """The state of all random numbers, of what a checkpoint may hold."""
    kind, keys, *rest = np.random.get_state()
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    state["numpy"] = (kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest)
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    version, numbers, normal = state["python"]
    random.setstate((version, tuple(numbers), normal))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
