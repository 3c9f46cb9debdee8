from collections.abc import Sequence

from hybridfuse.fusion.concatenation_base import ConcatenationBase
from hybridfuse.reconciliation.hm import Hm


class ConcatenationHm(ConcatenationBase):
    r"""The matrices side by side, mapped to fewer columns by a learned Kronecker product.

    $$A = [A_1 \cdots A_k]\, \psi^\top, \quad \psi = G \otimes H, \quad G \in \mathbb{R}^{s \times t}$$

    l = s t + p (p_1 + … + p_k) / (s t). Dense.

    Args:
        dims: columns of each matrix. A hybrid gives it.
        p: columns of A. At least 1; by default those of each matrix.
        row_factor: s, which divides p; by default the divisor nearest to its square root.
        column_factor: t, which divides p_1 + … + p_k; by default s, where that is given and divides it, else the
            divisor nearest to its square root.

    Raises:
        ValueError: if dims is not given, p is not where the matrices differ in theirs, or a factor does not
            divide.

    References: RPN 2 (2024), arXiv 2411.11162, hypercomplex multiplication parameterized concatenation
        fusion.
    """

    def __init__(
        self,
        dims: Sequence[int] | None = None,
        p: int | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
    ) -> None:
        super().__init__(dims, p)
        self.reconciliation = Hm(self.p, self.width, None, row_factor, column_factor)
