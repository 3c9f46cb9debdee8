from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class Polynomial(EntrywiseBase):
    r"""Relates items by a power of their inner product.

    $$A_{ij} = (\langle x_i, x_j \rangle + c)^q$$

    In (-inf, inf), symmetric, positive semi-definite for whole q >= 1 and c >= 0; c^q for a zero item. At most the
    largest finite number of the dtype. The slope is 0 where the power itself is cut off, or the slope would not be
    finite.

    Args:
        degree: power q. Any number; below 0 or not whole only where the bases allow it.
        shift: number c that is added before the power, in squared units of x. Finite.

    Raises:
        ValueError: if a parameter is not finite; from `calculate_A` and `forward`, if the degree is not whole and a
            base is below 0, or the degree is below 0 and a base is 0.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        degree: float = 1.0,
        shift: float = 0.0,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.degree = check.number("degree", degree)
        self.shift = check.number("shift", shift)

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        return Sums(pairs.inner_products(items))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        return kernel.polynomial(summary.total, self.degree, self.shift)
