from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import shrinkage, statistic
from hybridfuse.functional.summary import FourthMoments
from hybridfuse.interdependence.streamed_base import StreamedBase


class PartialCorrelation(StreamedBase):
    r"""Relates items by what is left of their correlation once all other items are known.

    $$A_{ij} = -\frac{P_{ij}}{\sqrt{P_{ii} P_{jj}}}, \quad P = \left((1 - s) S + s \mu I\right)^{-1}, \quad
    \mu = \frac{\operatorname{tr}(S)}{n}$$

    In [-1, 1], symmetric, 1 on the diagonal; a constant item correlates 0 with all others. S is the covariance of the
    items, s the shrinkage of Ledoit and Wolf, but at least the root of the precision, so that P exists for any data.
    An item in much smaller units than others is shrunk to 0: items should be of about one scale. Computed in float64
    where the device has it.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, section 3.
    """

    cost = "n² d + n³, n² d + d³ if d < n"

    def summary(self, items: Float[Tensor, "n d"]) -> FourthMoments:
        return FourthMoments.of(items)

    def from_summary(self, summary: FourthMoments) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, summary.observations)
        return shrinkage.partial_correlation_of_moments(summary)

    def _of_batch(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, items.shape[1])
        return shrinkage.partial_correlation(items)
