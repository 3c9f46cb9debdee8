"""A of which an entry follows from its two items alone: it can be computed at links without the others."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.bandwidth import Bandwidth
from hybridfuse.functional import precision
from hybridfuse.functional.pairs import ALL, APPLIED, LinkedPairs, Pairs, pays
from hybridfuse.interdependence.streamed_base import StreamedBase


class PairwiseBase(StreamedBase):
    """An author writes `of_pairs`, and what a streamed function needs."""

    @abstractmethod
    def of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        """A of some pairs of a batch."""

    def applied(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return self.relate(items) if self.reference is not None else precision.in_full(self.of_pairs, items, APPLIED)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
        """Of those links alone, unless A is that of reference data, a median of all distances, or hardly dearer."""
        if self.reference is not None or self._takes_median() or not pays(pattern):
            return super().entries(items, pattern)
        return precision.in_full(self.of_pairs, items, LinkedPairs(pattern))

    def _of_batch(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return self.of_pairs(items, ALL)

    def _takes_median(self) -> bool:
        return any(isinstance(module, Bandwidth) and module.is_median for module in self.children())
