from collections.abc import Mapping

import pytorch_lightning as pl
from torch.utils.tensorboard.summary import hparams

from hybridfuse.callbacks import hybrids

METRICS = ("accuracy", "f1", "rmse", "mae", "r2")


class Hyperparameters(pl.Callback):
    """Writes the choices of a run for TensorBoard's HPARAMS tab, with the test metrics beside them.

    TensorBoard takes the columns from the first run that it finds: they must be the same in all runs.

    Args:
        chosen: name and value of each choice.
    """

    def __init__(self, chosen: Mapping[str, str | float]) -> None:
        self.chosen = dict(chosen)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, slice(0, 2))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, slice(2, 3))

    def _write(self, trainer: pl.Trainer, part: slice) -> None:
        """The columns and the choices, when a run begins (the first two summaries), or that it ended (the third)."""
        writer = hybrids.writer(trainer)
        if writer is not None:
            for summary in hparams(self.chosen, {f"test/{name}": 0.0 for name in METRICS})[part]:
                writer._get_file_writer().add_summary(summary)  # pyright: ignore[reportPrivateUsage]
