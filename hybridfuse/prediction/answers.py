"""What a network says, in the words and the units of the training data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from jaxtyping import Float
from torch import Tensor


class Answers(ABC):
    """Makes columns of outputs.

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)

    @abstractmethod
    def columns(self, output: Float[Tensor, "rows outputs"]) -> pl.DataFrame:
        """A row for each row."""


class ClassAnswers(Answers):
    """The most probable class as `class`, and the probability of each as `probability_<class>`.

    Args:
        classes: their names.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        super().__init__(["class", *(f"probability_{name}" for name in classes)])
        self.classes = list(classes)

    def columns(self, output: Float[Tensor, "rows outputs"]) -> pl.DataFrame:
        probabilities = output.float().softmax(dim=1).numpy()
        best = [self.classes[index] for index in output.argmax(dim=1).tolist()]
        return pl.DataFrame(dict(zip(self.names, [best, *probabilities.T], strict=True)))


class NumberAnswers(Answers):
    """The number, in the units of the training data, as `value`.

    Args:
        mean, scale: of the training target.
    """

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__(["value"])
        self.mean, self.scale = mean, scale

    def columns(self, output: Float[Tensor, "rows outputs"]) -> pl.DataFrame:
        return pl.DataFrame({"value": (output.squeeze(1).double() * self.scale + self.mean).numpy()})


def of_data(known: Mapping[str, Any]) -> Answers:
    """Those of a classification or a regression."""
    if known["classes"]:
        return ClassAnswers(known["classes"])
    return NumberAnswers(known["target_mean"], known["target_scale"])
