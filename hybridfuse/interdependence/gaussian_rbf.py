from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class GaussianRbf(Interdependence):
    r"""Relates items by a Gaussian of their distance.

    $$A_{ij} = \exp\left(-\frac{\|x_i - x_j\|_2^2}{2 \sigma^2}\right)$$

    In [0, 1], symmetric, positive semi-definite, exactly 1 on the diagonal. Squared distances grow with the number
    of features: sigma near their square root keeps entries away from 0.

    Args:
        sigma: distance, in the units of x, at which the entry has fallen to exp(-1/2). Above 0.

    Raises:
        ValueError: if sigma is not above 0.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", sigma: float = 1.0
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.sigma = check.positive("sigma", sigma)

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return kernel.gaussian_rbf(items, self.sigma)
