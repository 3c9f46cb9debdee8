from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.full import Full


class Bilinear(BilinearBase):
    r"""Relates items by a learned bilinear form.

    $$A_{ij} = x_i^\top W x_j, \quad W \in \mathbb{R}^{d \times d}$$

    l = d². Any real entries. On the attribute axis all batches must have b rows.

    References: RPN 2 (2024), arXiv 2411.11162, bilinear interdependence.
    """

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = Full(self.d, self.d, self.std)
