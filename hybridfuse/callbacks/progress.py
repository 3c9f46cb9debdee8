from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(pl.Callback):
    """One bar over all epochs, with the latest validation metrics; where there is no terminal, a line every tenth."""

    def __init__(self) -> None:
        self._console = Console()
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._console.is_terminal and trainer.is_global_zero:
            columns = (TextColumn("epoch {task.completed}/{task.total}"), BarColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, TextColumn("{task.description}"), console=self._console)
            self._task = self._bar.add_task("", total=trainer.max_epochs)
            self._bar.start()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        shown = _words({name: value for name, value in trainer.callback_metrics.items() if name.startswith("val/")})
        if self._bar is not None:
            self._bar.update(self._task, completed=epoch, description=shown)
        elif trainer.is_global_zero and epoch % max(epochs // 10, 1) == 0:
            print(f"epoch {epoch}/{epochs}  {shown}", flush=True)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _words(metrics: dict[str, Any]) -> str:
    return "  ".join(f"{name} {float(value):.4f}" for name, value in metrics.items())
