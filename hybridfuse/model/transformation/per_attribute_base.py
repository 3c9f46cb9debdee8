"""Transformations that look at one attribute at a time."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.model.transformation.base import Transformation


class PerAttributeBase(Transformation):
    """Expands each attribute by itself, all in the same way.

    Columns go attribute by attribute: first all that the first attribute becomes, then all of the second, and so on.
    An author writes `columns` and `expand`.
    """

    @property
    @abstractmethod
    def columns(self) -> int:
        """Columns that each attribute becomes."""

    @abstractmethod
    def expand(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m columns"]:
        """The columns of each attribute."""

    @property
    def width(self) -> int:
        return self.m * self.columns

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b width"]:
        return self.expand(x).flatten(1)
