from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import expansion
from hybridfuse.model.transformation.base import Transformation

MOST_COLUMNS = 1 << 24


class Taylor(Transformation):
    r"""Adds the products of attributes: two at a time, three at a time, and so on.

    $$\kappa(x) = [x, \; x \otimes x, \; x \otimes x \otimes x, \; \ldots]$$

    D = m + m² + … + m^order. Columns go power by power: the attributes, then x₁x₁, x₁x₂, …, x₁x_m, x₂x₁, …, then
    x₁x₁x₁, x₁x₁x₂, …. In (-∞, ∞); a product, also one that a longer one is made of, is at most the largest finite
    number of the dtype, and so is a slope. Of attributes of variance 1, products have mean squares from 1 for
    independent ones to those of powers: 3 for x², 15 for x³ of a normal one. They grow from layer to layer: where all
    layers have products, a normalisation between them, such as `torch.nn.LayerNorm`, makes training steady.

    Args:
        order: attributes of a product, at most. At least 1.

    Raises:
        ValueError: if order is below 1, or D above 2²⁴.

    References: RPN (2024), arXiv 2407.04819, Taylor's polynomials based expansion.
    """

    def __init__(self, m: int, order: int = 2) -> None:
        super().__init__(m)
        self.order = check.whole("order", order)
        if self._too_wide():
            raise ValueError(
                f"taylor must make {MOST_COLUMNS} columns at most, got m = {m} attributes with order = {order}; "
                "use a smaller order or fewer attributes."
            )

    @property
    def width(self) -> int:
        return sum(self.m**power for power in range(1, self.order + 1))

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b width"]:
        return expansion.kronecker_powers(x, self.order)

    def _too_wide(self) -> bool:
        # A huge order is refused without computing its power.
        return self.order > MOST_COLUMNS or (self.m > 1 and self.order > 24) or self.width > MOST_COLUMNS
