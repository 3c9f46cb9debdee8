"""A of which an entry follows from what is summed up of its two items."""

from abc import abstractmethod
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Summary
from hybridfuse.interdependence.pairwise_base import PairwiseBase


class EntrywiseBase(PairwiseBase):
    """An author writes `summary`, of any pairs of items, and `from_summary`, which sees each by itself."""

    @abstractmethod
    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Summary:
        """What A of the pairs follows from, for some or all features of the items."""

    @abstractmethod
    def from_summary(self, summary: Any) -> Float[Tensor, "*pairs"]:
        """A of the pairs from the summary of all features."""

    def of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return self.from_summary(self.summary(items, pairs))
