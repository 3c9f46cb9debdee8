from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import statistic
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.interdependence.correlation_base import CorrelationBase


class MutualInformation(CorrelationBase):
    r"""Relates items by their mutual information, as if they were jointly Gaussian.

    $$A_{ij} = -\frac{1}{2} \log(1 - \rho_{ij}^2), \quad \rho_{ij} = \frac{\langle c_i, c_j \rangle}{\|c_i\|_2
    \|c_j\|_2}, \quad c_i = x_i - \bar{x}_i$$

    In [0, ∞), in nats, symmetric, the same for any scale of an item. The squared correlation is at most 1 - ε of the
    dtype, so A is at most -log(ε)/2: 7.97 in float32, 18.02 in float64, which is what stands on the diagonal and
    where items are linear in each other. The gradient is 0 there. A constant item has 0 with all others.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Cover, Thomas (2006), Elements of information theory, example 8.5.1; RPN 2 (2024), arXiv 2411.11162,
        statistical kernels.
    """

    def of_correlation(
        self, correlation: Float[Tensor, "*pairs"], standard: Float[Tensor, "n d"] | None = None, pairs: Pairs = ALL
    ) -> Float[Tensor, "*pairs"]:
        return statistic.mutual_information(correlation, standard, pairs)
