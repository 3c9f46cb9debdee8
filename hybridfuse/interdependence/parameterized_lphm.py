from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.parameterized_base import ParameterizedBase
from hybridfuse.reconciliation.lphm import Lphm


class ParameterizedLphm(ParameterizedBase):
    r"""Relates items by a learned Kronecker product with a low rank.

    $$A = G \otimes L R, \quad G \in \mathbb{R}^{s \times t}, L \in \mathbb{R}^{n / s \times rank},
    R \in \mathbb{R}^{rank \times p / t}$$

    l = s t + rank (n / s + p / t). In (-∞, ∞). On the instance axis all batches must have b rows.

    Args:
        p: columns of A. At least 1; by default as many as items.
        row_factor: s, which divides n; by default the divisor nearest to its square root.
        column_factor: t, which divides p; by default s, where that is given and divides it, else the
            divisor nearest to its square root.
        rank: columns of L. At least 1.

    Raises:
        ValueError: if p or a factor is below 1 or does not divide, or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank hypercomplex multiplication parameterized interdependence.
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
        rank: int = 2,
    ) -> None:
        super().__init__(b, m, interdependence_type, p)
        self.reconciliation = Lphm(self.n, self.p, self.std, row_factor, column_factor, rank)
