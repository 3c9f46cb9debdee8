"""A that follows from the linear correlation of items."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import statistic
from hybridfuse.functional.summary import Moments
from hybridfuse.interdependence.streamed_base import StreamedBase


class CorrelationBase(StreamedBase):
    """An author writes `of_correlation`, which may change the correlation it is given."""

    cost = "n² d"

    @abstractmethod
    def of_correlation(
        self, correlation: Float[Tensor, "n n"], standard: Float[Tensor, "n d"] | None = None
    ) -> Float[Tensor, "n n"]:
        """A from the correlation; the standardised items are there unless A is of a summary."""

    def summary(self, items: Float[Tensor, "n d"]) -> Moments:
        return Moments.of(items)

    def from_summary(self, summary: Moments) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, summary.observations)
        return self.of_correlation(statistic.correlation_of_moments(summary))

    def _of_batch(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """From the items themselves, which is more precise than from their moments and cheaper."""
        statistic.check_observations(self.name, items.shape[1])
        standard = statistic.standardised(items)
        return self.of_correlation(statistic.correlation(standard), standard)
