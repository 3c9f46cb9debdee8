from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.parameterized_base import ParameterizedBase
from hybridfuse.reconciliation.lowrank import Lowrank


class ParameterizedLowrank(ParameterizedBase):
    r"""Relates items by a learned matrix of low rank.

    $$A = L R, \quad L \in \mathbb{R}^{n \times rank}, R \in \mathbb{R}^{rank \times p}$$

    l = rank (n + p). In (-∞, ∞). On the instance axis all batches must have b rows.

    Args:
        p: columns of A. At least 1; by default as many as items.
        rank: rank of A at most. At least 1.

    Raises:
        ValueError: if p or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank parameterized interdependence.
    """

    cost = "rank (n + p) d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        p: int | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(b, m, interdependence_type, p)
        self.reconciliation = Lowrank(self.n, self.p, self.std, rank)
