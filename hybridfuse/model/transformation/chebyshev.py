from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import expansion
from hybridfuse.model.transformation.per_attribute_base import PerAttributeBase


class Chebyshev(PerAttributeBase):
    r"""Expands each attribute, squashed, by Chebyshev polynomials of the first kind.

    $$\kappa(x) = [T_1(t), \ldots, T_q(t)], \quad t = \tanh(x), \quad T_k(\cos \theta) = \cos(k \theta)$$

    D = q m. In [-1, 1]; what is far from 0 becomes (±1)^k, with slope 0. Mean squares of attributes of variance 1 are
    0.4 to 0.6.

    Args:
        order: q, the largest degree; there is no T₀, which is what a bias is. At least 1.

    Raises:
        ValueError: if order is below 1.

    References: RPN (2024), arXiv 2407.04819, Chebyshev polynomials based expansion; Abramowitz, Stegun (1964),
        Handbook of mathematical functions, 22.7.4.
    """

    def __init__(self, m: int, order: int = 3) -> None:
        super().__init__(m)
        self.order = check.whole("order", order)

    @property
    def columns(self) -> int:
        return self.order

    def expand(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m columns"]:
        return expansion.chebyshev(x, self.order)
