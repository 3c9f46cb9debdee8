from collections.abc import Mapping

import pytorch_lightning as pl
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

from hybridfuse import hparams
from hybridfuse.callbacks import hybrids


class Hyperparameters(pl.Callback):
    """Writes the choices of a run for TensorBoard's HPARAMS tab, with the test metrics beside them.

    TensorBoard takes the columns from the first run that it finds: they must be the same in all runs.

    Args:
        chosen: name and value of each choice.
    """

    def __init__(self, chosen: Mapping[str, str | float]) -> None:
        self.chosen = dict(chosen)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, hparams.columns(self.chosen), hparams.begun(self.chosen))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._write(trainer, hparams.ended())

    def _write(self, trainer: pl.Trainer, *summaries: Summary) -> None:
        writer = hybrids.writer(trainer)
        if writer is not None:
            for summary in summaries:
                writer._get_file_writer().add_summary(summary)  # pyright: ignore[reportPrivateUsage]
