from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class HyperbolicTangent(EntrywiseBase):
    r"""Relates items by the hyperbolic tangent of their inner product.

    $$A_{ij} = \tanh(\alpha \langle x_i, x_j \rangle + c)$$

    In [-1, 1], symmetric, in general not positive semi-definite; tanh c for a zero item.

    Args:
        scale: factor α of the inner products, in 1 / squared units of x. Finite; near 1 / d entries are not all ±1.
        shift: number c that is added. Finite.

    Raises:
        ValueError: if a parameter is not finite.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.scale = check.number("scale", scale)
        self.shift = check.number("shift", shift)

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        return Sums(pairs.inner_products(items))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        return kernel.hyperbolic_tangent(summary.total, self.scale, self.shift)
