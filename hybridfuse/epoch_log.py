"""Metrics of an epoch, for callbacks and loggers."""

from collections.abc import Mapping

import pytorch_lightning as pl
from torch import Tensor


def log(trainer: pl.Trainer, values: Mapping[str, Tensor], drawn: bool = True) -> None:
    """Hands metrics to callbacks, and if they are points of a curve, to the loggers, at the epoch.

    As `LightningModule.log_dict` does, without its bookkeeping of steps, which takes longer than a small epoch.
    """
    trainer.callback_metrics.update(values)
    if drawn and not trainer.sanity_checking:
        numbers = {name: value.item() for name, value in values.items()}
        for logger in trainer.loggers:
            logger.log_metrics(numbers, step=trainer.current_epoch)
