"""What is learned: the loss, the metrics and the units of the answer."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError, R2Score

from hybridfuse import check


class Task(nn.Module, ABC):
    """A loss on batches and metrics on whole splits."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss of the rows."""

    @abstractmethod
    def prediction(self, output: Tensor) -> Tensor:
        """What the metrics compare, in the units of the data."""

    @abstractmethod
    def truth(self, target: Tensor) -> Tensor:
        """The target in the units of the data."""

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """New metrics, the one that decides first."""


class Classification(Task):
    """Cross-entropy; accuracy and macro F1.

    Args:
        classes: number of classes.
        label_smoothing: share of the target's mass that training spreads over all classes. In [0, 1).

    Raises:
        ValueError: if label_smoothing is outside its range.
    """

    def __init__(self, classes: int, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.classes = classes
        self.label_smoothing = check.fraction("label_smoothing", label_smoothing)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        smoothing = self.label_smoothing if self.training else 0.0
        return nn.functional.cross_entropy(output, target, label_smoothing=smoothing)

    def prediction(self, output: Tensor) -> Tensor:
        return output.argmax(dim=1)

    def truth(self, target: Tensor) -> Tensor:
        return target

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "accuracy": MulticlassAccuracy(self.classes, average="micro", validate_args=False),
                "f1": MulticlassF1Score(self.classes, average="macro", validate_args=False),
            }
        )


class Regression(Task):
    """Mean squared error of the standardised target; RMSE, MAE and R² in its own units.

    Args:
        target_mean: mean of the training target.
        target_scale: standard deviation of the training target.
    """

    def __init__(self, target_mean: float, target_scale: float) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(target_mean))
        self.register_buffer("scale", torch.tensor(target_scale))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.mse_loss(output.squeeze(1), target)

    def prediction(self, output: Tensor) -> Tensor:
        return self.truth(output.squeeze(1))

    def truth(self, target: Tensor) -> Tensor:
        return target * self.scale + self.mean

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError(), "r2": R2Score()}, compute_groups=False
        )
