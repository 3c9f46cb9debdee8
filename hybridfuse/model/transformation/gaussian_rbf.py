from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import expansion
from hybridfuse.model.transformation.interval_base import IntervalBase


class GaussianRbf(IntervalBase):
    r"""Expands each attribute by how near it is to each of some centres.

    $$\kappa(x) = \Bigl[\exp\Bigl(-\Bigl(\frac{x - c_1}{h}\Bigr)^2\Bigr), \ldots,
    \exp\Bigl(-\Bigl(\frac{x - c_N}{h}\Bigr)^2\Bigr)\Bigr]$$

    Centres go from lo to hi, both included, in steps of h. D = N m. In [0, 1]; 0, with slope 0, far outside [lo, hi].

    Args:
        centers: N, centres of each attribute. At least 2.

    Raises:
        ValueError: if centers is below 2.

    References: RPN (2024), arXiv 2407.04819, Gaussian radial basis functions.
    """

    def __init__(self, m: int, lo: float = -3.0, hi: float = 3.0, centers: int = 7) -> None:
        super().__init__(m, lo, hi)
        self.centers = check.whole("centers", centers, least=2)

    @property
    def columns(self) -> int:
        return self.centers

    def expand(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m columns"]:
        return expansion.gaussian_rbf(x, self.lo, self.hi, self.centers)
