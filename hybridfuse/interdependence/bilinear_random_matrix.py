from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.bilinear_base import BilinearBase
from hybridfuse.reconciliation.random_matrix import RandomMatrix


class BilinearRandomMatrix(BilinearBase):
    r"""Relates items by a learned bilinear form of scaled random matrices.

    $$A_{ij} = x_i^\top \operatorname{diag}(\lambda_1)\, G \operatorname{diag}(\lambda_2)\, H^\top x_j, \quad
    G, H \in \mathbb{R}^{d \times rank}$$

    l = d + rank. G and H, standard normal, stay as they were drawn, and are saved. In (-∞, ∞). On the
    attribute axis all batches must have b rows.
    A zero item has a zero row and a zero column. A does not stream, since it is learned.

    Args:
        rank: columns of G and H. At least 1.
        seed: of G and H; by default they come from torch's generator, as initial parameters do. At least 0.

    Raises:
        ValueError: if rank is below 1 or seed below 0.

    References: RPN 2 (2024), arXiv 2411.11162, random matrix adaption bilinear interdependence.
    """

    cost = "rank n d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        rank: int = 2,
        seed: int | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.reconciliation = RandomMatrix(self.d, self.d, self.std, rank, seed)
