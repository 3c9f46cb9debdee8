"""Interdependence functions that need neither data nor parameters."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class Structural(Interdependence):
    """A follows from the number of items alone: computed once, at construction, and kept as a buffer.

    An author writes `structure`, and in `__init__` calls `store` when all that `structure` reads is set. On the
    instance axis a batch of another size has its A computed for it.
    """

    require_data = False

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.stored: layout.Stored

    @abstractmethod
    def structure(self, n: int) -> Float[Tensor, "n p"]:
        """A of n items."""

    def store(self) -> None:
        """Computes A for `n` items and keeps it."""
        self.stored = layout.Stored(self.structure(self.n))

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        matrix = self.stored() if items.shape[0] == self.n else self.structure(items.shape[0])
        return layout.like(matrix, items)
