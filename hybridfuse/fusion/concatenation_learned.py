from collections.abc import Sequence

from hybridfuse.fusion.concatenation_base import ConcatenationBase
from hybridfuse.reconciliation.full import Full


class ConcatenationLearned(ConcatenationBase):
    r"""The matrices side by side, mapped to fewer columns by a learned matrix.

    $$A = [A_1 \cdots A_k]\, \psi^\top, \quad \psi \in \mathbb{R}^{p \times (p_1 + \cdots + p_k)}$$

    l = p (p_1 + … + p_k). Dense.

    Args:
        dims: columns of each matrix. A hybrid gives it.
        p: columns of A. At least 1; by default those of each matrix.

    Raises:
        ValueError: if dims is not given, p is not where the matrices differ in theirs.

    References: RPN 2 (2024), arXiv 2411.11162, parameterized concatenation fusion.
    """

    def __init__(self, dims: Sequence[int] | None = None, p: int | None = None) -> None:
        super().__init__(dims, p)
        self.reconciliation = Full(self.p, self.width)
