"""Callbacks whose work is done."""

import pytorch_lightning as pl


def step_aside(trainer: pl.Trainer, callback: pl.Callback) -> None:
    """Has a trainer not ask a callback any more; of small networks, a dozen questions a step take a share of it.

    The hook that is being asked at this moment is asked of all.
    """
    trainer.callbacks = [other for other in trainer.callbacks if other is not callback]  # pyright: ignore[reportAttributeAccessIssue]
