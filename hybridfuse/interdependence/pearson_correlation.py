from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.interdependence.correlation_base import CorrelationBase


class PearsonCorrelation(CorrelationBase):
    r"""Relates items by their linear correlation over the features.

    $$A_{ij} = \frac{\langle c_i, c_j \rangle}{\|c_i\|_2 \|c_j\|_2}, \quad c_i = x_i - \bar{x}_i$$

    In [-1, 1], symmetric, 1 on the diagonal; a constant item correlates 0 with all others.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: RPN 2 (2024), arXiv 2411.11162, statistical kernels.
    """

    def of_correlation(
        self, correlation: Float[Tensor, "*pairs"], standard: Float[Tensor, "n d"] | None = None, pairs: Pairs = ALL
    ) -> Float[Tensor, "*pairs"]:
        return correlation
