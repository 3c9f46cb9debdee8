from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.lowrank import Lowrank


class BilinearLowrank(BilinearBase):
    r"""Relates items by a learned bilinear form of low rank.

    $$A_{ij} = x_i^\top L R\, x_j, \quad L \in \mathbb{R}^{d \times rank}, R \in \mathbb{R}^{rank \times d}$$

    l = 2 rank d. In (-∞, ∞). On the attribute axis all batches must have b rows.
    A zero item has a zero row and a zero column. A does not stream, since it is learned.

    Args:
        rank: rank of the form at most. At least 1.

    Raises:
        ValueError: if rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank bilinear interdependence.
    """

    cost = "rank n d"

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", rank: int = 2) -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = Lowrank(self.d, self.d, self.std, rank)
