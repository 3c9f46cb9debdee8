"""Similarities that fade with a distance."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Norms
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class DistanceBase(EntrywiseBase):
    r"""$A_{ij} = \exp(-D_{ij})$. An author writes `distances`, and `order` where D is another norm than a sum."""

    order: float = 1.0
    """D to the power of this adds up over features; the largest one counts where it is infinite."""
    cost = "n² d"

    @abstractmethod
    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        """D of the pairs, for some or all features of the items."""

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Norms:
        return Norms(self.distances(items, pairs), self.order)

    def from_summary(self, summary: Norms) -> Float[Tensor, "*pairs"]:
        return kernel.exponential(summary.norm, 1.0)
