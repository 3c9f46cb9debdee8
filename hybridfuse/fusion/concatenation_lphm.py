from collections.abc import Sequence

from hybridfuse.fusion.concatenation_base import ConcatenationBase
from hybridfuse.reconciliation.lphm import Lphm


class ConcatenationLphm(ConcatenationBase):
    r"""The matrices side by side, mapped to fewer columns by a learned Kronecker product with a low rank.

    $$A = [A_1 \cdots A_k]\, \psi^\top, \quad
    \psi = G \otimes S T, \quad G \in \mathbb{R}^{s \times t}, S \in \mathbb{R}^{p / s \times rank}$$

    l = s t + rank (p / s + (p_1 + … + p_k) / t). Dense.

    Args:
        dims: columns of each matrix. A hybrid gives it.
        p: columns of A. At least 1; by default those of each matrix.
        row_factor: s, which divides p; by default the divisor nearest to its square root.
        column_factor: t, which divides p_1 + … + p_k; by default s, where that is given and divides it, else the
            divisor nearest to its square root.
        rank: columns of S. At least 1.

    Raises:
        ValueError: if dims is not given, p is not where the matrices differ in theirs, a factor does not
            divide, or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, low-rank parameterized hypercomplex multiplication
        concatenation fusion.
    """

    def __init__(
        self,
        dims: Sequence[int] | None = None,
        p: int | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(dims, p)
        self.reconciliation = Lphm(self.p, self.width, None, row_factor, column_factor, rank)
