"""A that follows from the linear correlation of items."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import statistic
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Moments
from hybridfuse.interdependence.pairwise_base import PairwiseBase


class CorrelationBase(PairwiseBase):
    """An author writes `of_correlation`, which may change the correlation it is given."""

    cost = "n² d"

    @abstractmethod
    def of_correlation(
        self, correlation: Float[Tensor, "*pairs"], standard: Float[Tensor, "n d"] | None = None, pairs: Pairs = ALL
    ) -> Float[Tensor, "*pairs"]:
        """A of pairs from their correlation; the standardised items are there unless A is of a summary."""

    def summary(self, items: Float[Tensor, "n d"]) -> Moments:
        return Moments.of(items)

    def from_summary(self, summary: Moments) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, summary.observations)
        return self.of_correlation(statistic.correlation_of_moments(summary))

    def of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        """From the items themselves, which is more precise than from their moments and cheaper."""
        statistic.check_observations(self.name, items.shape[1])
        standard = statistic.standardised(items)
        return self.of_correlation(statistic.correlation(standard, pairs), standard, pairs)
