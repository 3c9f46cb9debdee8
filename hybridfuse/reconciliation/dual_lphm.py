from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import reconcile
from hybridfuse.reconciliation.base import normal
from hybridfuse.reconciliation.kronecker_base import KroneckerBase


class DualLphm(KroneckerBase):
    r"""The Kronecker product of two matrices of low rank.

    $$\psi(w) = P Q \otimes S T, \quad P \in \mathbb{R}^{p \times rank}, Q \in \mathbb{R}^{rank \times q},
    S \in \mathbb{R}^{rows / p \times rank}, T \in \mathbb{R}^{rank \times columns / q}$$

    w is P, Q, S, T.

    Args:
        row_factor: p, which divides rows; by default the divisor nearest to their square root.
        column_factor: q, which divides columns; by default p, where that is given and divides them, else the
            divisor nearest to their square root.
        rank: columns of P and of S. At least 1.

    Raises:
        ValueError: if a factor is below 1 or does not divide, or rank is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, dual low-rank parameterized hypercomplex multiplication (dual lphm).
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        std: float | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(rows, columns, std, row_factor, column_factor)
        factor_std = reconcile.factor_std(self.std**0.5, check.whole("rank", rank))
        self.outer_left = normal(self.outer_shape[0], rank, factor_std)
        self.outer_right = normal(rank, self.outer_shape[1], factor_std)
        self.inner_left = normal(self.inner_shape[0], rank, factor_std)
        self.inner_right = normal(rank, self.inner_shape[1], factor_std)

    def outer_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.outer_left, self.outer_right]

    def inner_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.inner_left, self.inner_right]
