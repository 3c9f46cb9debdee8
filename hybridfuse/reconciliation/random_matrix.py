from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.reconciliation.base import Reconciliation


class RandomMatrix(Reconciliation):
    r"""Two random matrices that stay as they are, with learned scales of their rows and of their rank.

    $$\psi(w) = \operatorname{diag}(\lambda_1)\, G \operatorname{diag}(\lambda_2)\, H^\top, \quad
    G \in \mathbb{R}^{rows \times rank}, H \in \mathbb{R}^{columns \times rank}$$

    Entries of G and H are standard normal numbers, drawn when the object is made, G first; they are saved with it.
    All scales start at one value. w is λ₁, then λ₂.

    Args:
        rank: columns of G and H. At least 1.
        seed: of G and H; by default they come from torch's generator, as initial parameters do. At least 0.

    Raises:
        ValueError: if rank is below 1 or seed below 0.

    References: RPN 2 (2024), arXiv 2411.11162, random matrix adaption; Kopiczko et al. (2024), VeRA, equation 2.
    """

    narrow = True

    def __init__(
        self, rows: int, columns: int, std: float | None = None, rank: int = 2, seed: int | None = None
    ) -> None:
        super().__init__(rows, columns, std)
        scale = (self.std / check.whole("rank", rank) ** 0.5) ** 0.5
        drawn = None if seed is None else torch.Generator().manual_seed(check.whole("seed", seed, least=0))
        self.row_scale = nn.Parameter(torch.full((rows,), scale))
        self.rank_scale = nn.Parameter(torch.full((rank,), scale))
        self.of_rows: Tensor
        self.of_columns: Tensor
        self.register_buffer("of_rows", torch.randn(rows, rank, generator=drawn))
        self.register_buffer("of_columns", torch.randn(columns, rank, generator=drawn))

    def factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        scaled = self.row_scale[:, None] * self.of_rows * self.rank_scale
        return [scaled, self.of_columns.mT.to(scaled)]  # scales from outside may be of another dtype
