from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import statistic
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class CrossCorrelation(Interdependence):
    r"""Relates items by their largest correlation over lags, for features that are in an order, such as time.

    $$A_{ij} = \max_{|l| \le lags} \frac{\sum_k c_{ki} c_{k+l,j}}{\|c_i\|_2 \|c_j\|_2}, \quad c_i = x_i - \bar{x}_i$$

    In [-1, 1], symmetric, 1 on the diagonal; a constant item correlates 0 with all others. Sums are over the features
    at which both items are there, so that a long lag weighs less. Differentiable wherever one lag is the best;
    between two that are equally good the gradient is that of the shorter one. A cannot be streamed, as batches do not
    overlap.

    Args:
        lags: by how many features an item may be ahead of another or behind it. At least 0, which is
            pearson_correlation; what is beyond the features has no effect.

    Raises:
        ValueError: if lags is below 0; from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Box, Jenkins, Reinsel (2008), Time series analysis, section 12.1.1.
    """

    cost = "lags n² d"

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", lags: int = 3) -> None:
        super().__init__(b, m, interdependence_type)
        self.lags = check.whole("lags", lags, least=0)

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, items.shape[1])
        return statistic.cross_correlation(items, self.lags)
