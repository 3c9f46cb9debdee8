"""What a job tells its sweep instead of printing it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl

from hybridfuse.record import Record
from hybridfuse.reporter import Reporter
from hybridfuse.sweep.engine import Ended, Event, Progressed


class JobReporter(Reporter):
    """Hands on the epochs of a job, and how it ended.

    Args:
        number: of the job.
        report: takes the events.
    """

    def __init__(self, number: int, report: Callable[[Event], None]) -> None:
        self._number, self._report = number, report
        self.ended: Ended | None = None

    def failed(self, record: Record, sentence: str) -> None:
        outcome = "interrupted" if record.fields["status"] == "interrupted" else "failed"
        self.ended = Ended(self._number, outcome, sentence)

    def callbacks(self, config: Mapping[str, Any]) -> list[pl.Callback]:
        return [_Epochs(self._number, self._report)]


class _Epochs(pl.Callback):
    def __init__(self, number: int, report: Callable[[Event], None]) -> None:
        self._number, self._report = number, report

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        self._report(Progressed(self._number, trainer.current_epoch + 1, trainer.max_epochs or 0, metrics))
