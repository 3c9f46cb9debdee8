import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.reconciliation.base import Reconciliation


class Full(Reconciliation):
    r"""Every entry a parameter of its own.

    $$\psi(w) = W$$

    References: RPN 2 (2024), arXiv 2411.11162, identity reconciliation.
    """

    def __init__(self, rows: int, columns: int, std: float | None = None) -> None:
        super().__init__(rows, columns, std)
        self.weight = nn.Parameter(torch.empty(rows, columns).normal_(std=self.std))

    def forward(self) -> Float[Tensor, "rows columns"]:
        return self.weight
