from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.parameterized_base import ParameterizedBase
from hybridfuse.reconciliation.hm import Hm


class ParameterizedHm(ParameterizedBase):
    r"""Relates items by a learned Kronecker product.

    $$A = G \otimes H, \quad G \in \mathbb{R}^{s \times t}, H \in \mathbb{R}^{n / s \times p / t}$$

    l = s t + n p / (s t). In (-∞, ∞). On the instance axis all batches must have b rows.

    Args:
        p: columns of A. At least 1; by default as many as items.
        row_factor: s, which divides n; by default the divisor nearest to its square root.
        column_factor: t, which divides p; by default s, where that is given and divides it, else the
            divisor nearest to its square root.

    Raises:
        ValueError: if p or a factor is below 1 or does not divide.

    References: RPN 2 (2024), arXiv 2411.11162, hypercomplex multiplication parameterized interdependence.
    """

    cost = "(t + p / s) n d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        p: int | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, p)
        self.reconciliation = Hm(self.n, self.p, self.std, row_factor, column_factor)
