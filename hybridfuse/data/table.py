"""A table as it was read: typed, with nothing filled in, scaled or encoded yet. Free of scikit-learn and polars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

TaskName = Literal["classification", "regression", "forecast"]
TASKS: tuple[TaskName, ...] = ("classification", "regression")
"""Those of a table."""


@dataclass(frozen=True)
class Categories:
    """A column of texts, as numbers: the index of each row's text in the sorted `names`, NaN where it is missing."""

    codes: Float[np.ndarray, " rows"]
    names: list[str]


@dataclass(frozen=True)
class Target:
    """What is to be predicted: the class of each row as an index, or its number where there are no classes.

    Args:
        name: what it is called.
        values: int64 indices of classes, or float64 numbers in their own units.
        classes: the names of the classes in order; none for a regression.
        note: how the task was inferred, a sentence; nothing where it was given.
    """

    name: str
    values: Shaped[np.ndarray, " rows"]
    classes: list[str]
    note: str = ""

    @property
    def task(self) -> TaskName:
        return "classification" if self.classes else "regression"


@dataclass(frozen=True)
class Table:
    """Columns of numbers (NaN where missing), columns of categories, a target, and the checksum of their source."""

    numbers: Mapping[str, Float[np.ndarray, " rows"]]
    categories: Mapping[str, Categories]
    target: Target
    checksum: str
