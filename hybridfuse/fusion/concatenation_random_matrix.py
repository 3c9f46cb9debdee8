from collections.abc import Sequence

from hybridfuse.fusion.concatenation_base import ConcatenationBase
from hybridfuse.reconciliation.random_matrix import RandomMatrix


class ConcatenationRandomMatrix(ConcatenationBase):
    r"""The matrices side by side, mapped to fewer columns by random matrices with learned scales.

    $$A = [A_1 \cdots A_k]\, \psi^\top, \quad
    \psi = \operatorname{diag}(\lambda_1)\, G \operatorname{diag}(\lambda_2)\, H^\top$$

    l = p + rank; G and H are normal numbers that stay as they are. Dense.

    Args:
        dims: columns of each matrix. A hybrid gives it.
        p: columns of A. At least 1; by default those of each matrix.
        rank: columns of G and H. At least 1.
        seed: of G and H; by default they come from torch's generator. At least 0.

    Raises:
        ValueError: if dims is not given, p is not where the matrices differ in theirs, rank is below 1, or
            seed below 0.

    References: RPN 2 (2024), arXiv 2411.11162, random matrix adaption parameterized concatenation fusion.
    """

    def __init__(
        self, dims: Sequence[int] | None = None, p: int | None = None, rank: int = 2, seed: int | None = None
    ) -> None:
        super().__init__(dims, p)
        self.reconciliation = RandomMatrix(self.p, self.width, rank=rank, seed=seed)
