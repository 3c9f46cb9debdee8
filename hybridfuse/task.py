"""What is learned: the loss, the metrics and the units of the answer."""

from abc import ABC, abstractmethod

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
        """What the metrics compare with the target."""

    @abstractmethod
    def in_units(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        """Metrics in the units of the data."""

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

    def in_units(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        return metrics

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "accuracy": MulticlassAccuracy(self.classes, average="micro", validate_args=False),
                "f1": MulticlassF1Score(self.classes, average="macro", validate_args=False),
            }
        )


class Regression(Task):
    """Mean squared error of the standardised target; RMSE, MAE and R² in its own units.

    Metrics are computed of standardised numbers, which a target far from zero keeps precise.

    Args:
        target_scale: standard deviation of the training target.
    """

    def __init__(self, target_scale: float) -> None:
        super().__init__()
        self.target_scale = target_scale

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.mse_loss(output.squeeze(1), target)

    def prediction(self, output: Tensor) -> Tensor:
        return output.squeeze(1)

    def in_units(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        scaled = {name: metrics[name].double().cpu() * self.target_scale for name in ("rmse", "mae")}
        return {**scaled, "r2": metrics["r2"]}

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError(), "r2": R2Score()}, compute_groups=False
        )


class Forecast(Task):
    """Mean squared error of several standardised numbers a row; MSE and MAE of all of them, in the same units."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.mse_loss(output, target)

    def prediction(self, output: Tensor) -> Tensor:
        return output

    def in_units(self, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
        return metrics

    def metrics(self) -> MetricCollection:
        return MetricCollection({"mse": MeanSquaredError(), "mae": MeanAbsoluteError()}, compute_groups=False)
