from collections.abc import Mapping

import pytorch_lightning as pl
from torch.utils.tensorboard.summary import hparams

from hybridfuse.callbacks import hybrids


class Hyperparameters(pl.Callback):
    """Writes the choices of a run for TensorBoard's HPARAMS tab, which shows its metrics beside them.

    Args:
        chosen: name and value of each choice.
    """

    def __init__(self, chosen: Mapping[str, str | float | bool]) -> None:
        self.chosen = dict(chosen)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, 1)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, 2)

    def _write(self, trainer: pl.Trainer, which: int) -> None:
        """The summary that begins a session (1) or ends it (2); its metrics are the scalars of the same folder."""
        writer = hybrids.writer(trainer)
        if writer is not None:
            writer._get_file_writer().add_summary(hparams(self.chosen, {})[which])  # pyright: ignore[reportPrivateUsage]
