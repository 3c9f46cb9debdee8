from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import reconcile
from hybridfuse.reconciliation.base import Reconciliation, normal


class Lowrank(Reconciliation):
    r"""The product of a tall and a wide matrix.

    $$\psi(w) = L R, \quad L \in \mathbb{R}^{rows \times rank}, R \in \mathbb{R}^{rank \times columns}$$

    Args:
        rank: columns of L. At least 1.

    Raises:
        ValueError: if rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank reconciliation (lorr).
    """

    narrow = True

    def __init__(self, rows: int, columns: int, std: float | None = None, rank: int = 2) -> None:
        super().__init__(rows, columns, std)
        factor_std = reconcile.factor_std(self.std, check.whole("rank", rank))
        self.left = normal(rows, rank, factor_std)
        self.right = normal(rank, columns, factor_std)

    def factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.left, self.right]
