import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.reconciliation.base import Reconciliation


class Lowrank(Reconciliation):
    r"""The product of a tall and a wide matrix.

    $$\psi(w) = L R, \quad L \in \mathbb{R}^{rows \times rank}, R \in \mathbb{R}^{rank \times columns}$$

    Args:
        rank: columns of L. At least 1.

    Raises:
        ValueError: if rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank reconciliation (lorr).
    """

    def __init__(self, rows: int, columns: int, std: float | None = None, rank: int = 2) -> None:
        super().__init__(rows, columns, std)
        check.whole("rank", rank)
        factor_std = (self.std / rank**0.5) ** 0.5
        self.left = nn.Parameter(torch.empty(rows, rank).normal_(std=factor_std))
        self.right = nn.Parameter(torch.empty(rank, columns).normal_(std=factor_std))

    def forward(self) -> Float[Tensor, "rows columns"]:
        return self.left @ self.right
