from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.dual_lphm import DualLphm


class BilinearDualLphm(BilinearBase):
    r"""Relates items by a learned bilinear form, a Kronecker product of two low ranks.

    $$A_{ij} = x_i^\top (P Q \otimes L R)\, x_j, \quad P \in \mathbb{R}^{s \times rank},
    Q \in \mathbb{R}^{rank \times t}, L \in \mathbb{R}^{d / s \times rank}, R \in \mathbb{R}^{rank \times d / t}$$

    l = rank (s + t + d / s + d / t). In (-∞, ∞). On the attribute axis all batches must have b rows.
    A zero item has a zero row and a zero column. A does not stream, since it is learned.

    Args:
        row_factor: s, which divides d; by default the divisor nearest to its square root.
        column_factor: t, which divides d; by default s, where that is given and divides it, else the
            divisor nearest to its square root.
        rank: columns of P and of L. At least 1.

    Raises:
        ValueError: if a factor is below 1 or does not divide, or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, dual low-rank hypercomplex multiplication bilinear interdependence.
    """

    cost = "n d min(n, d)"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        row_factor: int | None = None,
        column_factor: int | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = DualLphm(self.d, self.d, self.std, row_factor, column_factor, rank)
