from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.parameterized_base import ParameterizedBase
from hybridfuse.reconciliation.random_matrix import RandomMatrix


class ParameterizedRandomMatrix(ParameterizedBase):
    r"""Relates items by random matrices with learned scales.

    $$A = \operatorname{diag}(\lambda_1)\, G \operatorname{diag}(\lambda_2)\, H^\top, \quad
    G \in \mathbb{R}^{n \times rank}, H \in \mathbb{R}^{p \times rank}$$

    l = n + rank. G and H, standard normal, stay as they were drawn, and are saved. In (-∞, ∞). On the
    instance axis all batches must have b rows.

    Args:
        p: columns of A. At least 1; by default as many as items.
        rank: columns of G and H. At least 1.
        seed: of G and H; by default they come from torch's generator, as initial parameters do. At least 0.

    Raises:
        ValueError: if p or rank is below 1, or seed below 0.

    References: RPN 2 (2024), arXiv 2411.11162, random matrix adaption parameterized interdependence.
    """

    cost = "rank (n + p) d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        p: int | None = None,
        rank: int = 2,
        seed: int | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, p)
        self.reconciliation = RandomMatrix(self.n, self.p, self.std, rank, seed)
