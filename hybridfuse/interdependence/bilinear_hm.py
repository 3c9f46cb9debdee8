from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.hm import Hm


class BilinearHm(BilinearBase):
    r"""Relates items by a learned bilinear form, a Kronecker product.

    $$A_{ij} = x_i^\top (G \otimes H)\, x_j, \quad G \in \mathbb{R}^{s \times t},
    H \in \mathbb{R}^{d / s \times d / t}$$

    l = s t + d² / (s t). In (-∞, ∞). On the attribute axis all batches must have b rows.
    A zero item has a zero row and a zero column. A does not stream, since it is learned.

    Args:
        row_factor: s, which divides d; by default the divisor nearest to its square root.
        column_factor: t, which divides d; by default s, where that is given and divides it, else the
            divisor nearest to its square root.

    Raises:
        ValueError: if a factor is below 1 or does not divide.

    References: RPN 2 (2024), arXiv 2411.11162, hypercomplex multiplication bilinear interdependence.
    """

    cost = "n d min(n, d)"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        row_factor: int | None = None,
        column_factor: int | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = Hm(self.d, self.d, self.std, row_factor, column_factor)
