"""Training, validation and test of a network on a task."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hybridfuse import epoch_log
from hybridfuse.data.batches import Batch
from hybridfuse.finite import NotANumberError, first_non_finite
from hybridfuse.task import Task

Answer = tuple[Tensor, Tensor]
"""What the network says of rows, and what is true of them."""


class SupervisedModule(pl.LightningModule):
    """A network that learns a task. Loss and metrics are of whole splits, logged once an epoch.

    Args:
        network: from (b, m) to (b, outputs).
        task: the loss and the metrics.
        optimizer: makes the optimiser of the parameters.
        scheduler: makes the schedule of the optimiser, stepped once an epoch; none by default.

    Raises:
        ValueError: from training, at the first loss that is not finite.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        optimizer: Callable[[Any], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.split_metrics = nn.ModuleDict({split: task.metrics() for split in ("train_", "val_", "test_")})
        self._seen: dict[str, list[Answer]] = {"train": [], "val": [], "test": []}

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        try:
            output, target = self._answer(batch)
        except NotANumberError as error:
            raise ValueError(self._not_finite(torch.nan, str(error).removesuffix("."))) from error
        loss = self.task.loss(output, target)
        if not torch.isfinite(loss):
            raise ValueError(self._not_finite(loss.item(), f"first in {first_non_finite(self.network, batch[0])}"))
        self._seen["train"].append((output.detach(), target))
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        self._seen["val"].append(self._answer(batch))

    def test_step(self, batch: Batch, batch_index: int) -> None:
        self._seen["test"].append(self._answer(batch))

    def on_train_epoch_end(self) -> None:
        self._close("train")

    def on_validation_epoch_end(self) -> None:
        self._close("val")

    def on_test_epoch_end(self) -> None:
        self._close("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self.optimizer(self.parameters())
        # A fused one could undo the scaling of float16 by itself, and Lightning would not clip gradients then.
        optimizer._step_supports_amp_scaling = False  # pyright: ignore[reportAttributeAccessIssue]
        if self.scheduler is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.scheduler(optimizer), "interval": "epoch", "monitor": "val/loss"},
        }

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """As the optimiser does it, without its profiler, which takes ten times as long for some parameters."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def _not_finite(self, loss: float, cause: str) -> str:
        place = f"step {self.global_step} (epoch {self.current_epoch})"
        return f"the loss must be finite, got {loss} at {place}; {cause}."

    def _answer(self, batch: Batch) -> Answer:
        """The answer for the rows of a batch that count: all, or those that it names."""
        x, target, *rows = batch
        output = self(x)
        return output[rows[0]] if rows else output, target

    def _close(self, split: str) -> None:
        """Logs loss and metrics of all rows of a split, at the epoch."""
        output, target = (torch.cat(parts) for parts in zip(*self._seen[split], strict=True))
        self._seen[split].clear()
        metrics: Any = self.split_metrics[f"{split}_"]
        metrics.update(self.task.prediction(output).float(), target)
        values = {"loss": self.task.loss(output.float(), target), **self.task.in_units(metrics.compute())}
        metrics.reset()
        # Validation of the best weights, after training, is no point of the curve.
        drawn = self.trainer.state.fn != TrainerFn.VALIDATING
        epoch_log.log(self.trainer, {f"{split}/{name}": value for name, value in values.items()}, drawn)
