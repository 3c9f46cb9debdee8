from collections.abc import Sequence

from hybridfuse.fusion.concatenation_base import ConcatenationBase
from hybridfuse.reconciliation.lowrank import Lowrank


class ConcatenationLowrank(ConcatenationBase):
    r"""The matrices side by side, mapped to fewer columns by a learned matrix of low rank.

    $$A = [A_1 \cdots A_k]\, \psi^\top, \quad
    \psi = L R, \quad L \in \mathbb{R}^{p \times rank}, R \in \mathbb{R}^{rank \times (p_1 + \cdots + p_k)}$$

    l = rank (p + p_1 + … + p_k). Dense.

    Args:
        dims: columns of each matrix. A hybrid gives it.
        p: columns of A. At least 1; by default those of each matrix.
        rank: rank of ψ at most. At least 1.

    Raises:
        ValueError: if dims is not given, p is not where the matrices differ in theirs, or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank parameterized concatenation fusion.
    """

    def __init__(self, dims: Sequence[int] | None = None, p: int | None = None, rank: int = 2) -> None:
        super().__init__(dims, p)
        self.reconciliation = Lowrank(self.p, self.width, rank=rank)
