from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.interdependence.correlation_base import CorrelationBase


class RvCoefficient(CorrelationBase):
    r"""Relates items by the variance that they share, the square of their correlation.

    $$A_{ij} = \frac{\operatorname{tr}(S_{ij} S_{ji})}{\sqrt{\operatorname{tr}(S_{ii}^2) \operatorname{tr}(S_{jj}^2)}}
    = \frac{\langle c_i, c_j \rangle^2}{\|c_i\|_2^2 \|c_j\|_2^2}, \quad c_i = x_i - \bar{x}_i$$

    In [0, 1], symmetric, 1 on the diagonal; a constant item shares 0 with all others.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Robert, Escoufier (1976), A unifying tool for linear multivariate statistical methods: the
        RV-coefficient; RPN 2 (2024), arXiv 2411.11162, statistical kernels.
    """

    def of_correlation(
        self, correlation: Float[Tensor, "*pairs"], standard: Float[Tensor, "n d"] | None = None, pairs: Pairs = ALL
    ) -> Float[Tensor, "*pairs"]:
        return correlation.square_()
