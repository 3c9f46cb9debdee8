from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.parameterized_base import ParameterizedBase
from hybridfuse.reconciliation.full import Full


class Parameterized(ParameterizedBase):
    r"""Relates items by one learned number a pair.

    $$A = W, \quad W \in \mathbb{R}^{n \times p}$$

    In (-∞, ∞); l = n p. On the instance axis all batches must have b rows.

    Args:
        p: columns of A. At least 1; by default as many as items.

    Raises:
        ValueError: if p is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, parameterized interdependence.
    """

    cost = "n p d"

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", p: int | None = None
    ) -> None:
        super().__init__(b, m, interdependence_type, p)
        self.reconciliation = Full(self.n, self.p, self.std)
