from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import expansion
from hybridfuse.model.transformation.interval_base import IntervalBase


class Bspline(IntervalBase):
    r"""Expands each attribute by B-splines, bumps of which some overlap at any place.

    $$\kappa(x) = [B_{0,q}(x), \ldots, B_{g+q-1,q}(x)], \quad
    B_{j,k}(x) = \frac{x - t_j}{k h} B_{j,k-1}(x) + \frac{t_{j+k+1} - x}{k h} B_{j+1,k-1}(x)$$

    Knots t_j = lo + (j - q) h, h = (hi - lo) / g apart, go on outside [lo, hi], q of them on each side. D = (g + q) m.
    In [0, 1]; on [lo, hi], both ends included, the splines of an attribute sum to 1. Outside they fall to 0 within a
    length of q h, as smoothly as inside, and stay 0, with slope 0. Slopes have no jumps for q of 2 and more.

    Args:
        intervals: g, parts of [lo, hi]. At least 1.
        order: q, the degree of the splines. At least 1.

    Raises:
        ValueError: if intervals or order is below 1.

    References: de Boor (1978), A practical guide to splines, chapter IX; RPN (2024), arXiv 2407.04819, B-splines.
    """

    def __init__(self, m: int, lo: float = -3.0, hi: float = 3.0, intervals: int = 6, order: int = 3) -> None:
        super().__init__(m, lo, hi)
        self.intervals = check.whole("intervals", intervals)
        self.order = check.whole("order", order)

    @property
    def columns(self) -> int:
        return self.intervals + self.order

    def expand(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m columns"]:
        return expansion.bspline(x, self.lo, self.hi, self.intervals, self.order)
