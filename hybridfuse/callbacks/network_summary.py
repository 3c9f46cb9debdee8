from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from hybridfuse import network_table
from hybridfuse.callbacks import hybrids
from hybridfuse.callbacks.aside import step_aside

FILE = "summary.txt"


class NetworkSummary(pl.Callback):
    """Writes what each layer takes and what becomes of each function, to the run's folder and for TensorBoard.

    It says nothing of a network that a batch does not go through; training says what is wrong.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            self._write(trainer, pl_module)
        step_aside(trainer, self)

    def _write(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with torch.random.fork_rng(devices=[]):
            batch: Any = next(iter(trainer.datamodule.train_dataloader()))  # pyright: ignore[reportAttributeAccessIssue]
        # A copy, so that no layer takes the batch for one that comes again.
        x = trainer.precision_plugin.convert_input(batch[0].to(pl_module.device).clone())
        try:
            with trainer.precision_plugin.forward_context():
                text = network_table.text(pl_module.get_submodule("network"), x)
        except (ValueError, RuntimeError):
            return
        folder = Path(trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(f"{text}\n", encoding="utf-8")
        if (writer := hybrids.writer(trainer)) is not None:
            writer.add_text("summary", "\n".join(f"    {line}" for line in text.splitlines()))
