from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.full import Full


class Bilinear(BilinearBase):
    r"""Relates items by a learned bilinear form.

    $$A_{ij} = x_i^\top W x_j, \quad W \in \mathbb{R}^{d \times d}$$

    l = d². In (-∞, ∞). On the attribute axis all batches must have b rows.
    A zero item has a zero row and a zero column. A does not stream, since it is learned.

    References: RPN 2 (2024), arXiv 2411.11162, bilinear interdependence.
    """

    cost = "n d²"

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = Full(self.d, self.d, self.std)
