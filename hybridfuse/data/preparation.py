"""How columns become the numbers that a network was trained on: what the training rows showed, kept for later rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int


@dataclass(frozen=True)
class Preparation:
    """Statistics of the training rows; plain lists and texts, so that a checkpoint or a JSON file can hold them.

    A missing number becomes its mean `fill`; then x becomes (x - mean) / scale. A text becomes a column for each of
    the known texts, 1 where it is that one, all 0 where it is none of them; a missing text becomes that of `usual`.

    Args:
        numbers: names of the columns of numbers, which come first.
        fill, mean, scale: of each of them.
        categories: the known texts of each column of texts, in the order of the columns.
        usual: the most frequent text of each of them.
    """

    numbers: list[str]
    fill: list[float]
    mean: list[float]
    scale: list[float]
    categories: dict[str, list[str]]
    usual: dict[str, str]

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> "Preparation":
        """From what `state` gave."""
        return cls(**state)

    def state(self) -> dict[str, Any]:
        """Lists, texts and numbers alone."""
        return asdict(self)

    @property
    def columns(self) -> list[str]:
        """Names of the columns that are prepared."""
        return [*self.numbers, *self.categories]

    @property
    def feature_names(self) -> list[str]:
        """Names of the attributes: those of the numbers, then `<column>=<text>` of each known text."""
        return [*self.numbers, *(f"{name}={text}" for name, texts in self.categories.items() for text in texts)]

    def attributes(
        self, numbers: Sequence[Float[np.ndarray, " rows"]], places: Sequence[Int[np.ndarray, " rows"]]
    ) -> Float32[np.ndarray, "rows m"]:
        """The attributes; infinite where float32 cannot hold a number once it is scaled.

        Args:
            numbers: columns of numbers, NaN where one is missing.
            places: of columns of texts, the index of each text among the known ones; -1 for one that is unknown.
        """
        filled = [np.where(np.isnan(column), fill, column) for column, fill in zip(numbers, self.fill, strict=True)]
        with np.errstate(over="ignore"):
            scaled = [
                ((column - mean) / scale).astype(np.float32)[:, None]
                for column, mean, scale in zip(filled, self.mean, self.scale, strict=True)
            ]
        encoded = [
            (column[:, None] == np.arange(len(texts))).astype(np.float32)
            for column, texts in zip(places, self.categories.values(), strict=True)
        ]
        return np.concatenate([*scaled, *encoded], axis=1)
