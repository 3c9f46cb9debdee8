from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.reconciliation.base import normal
from hybridfuse.reconciliation.kronecker_base import KroneckerBase


class Hm(KroneckerBase):
    r"""The Kronecker product of two matrices.

    $$\psi(w) = A \otimes B, \quad A \in \mathbb{R}^{p \times q}, B \in \mathbb{R}^{rows / p \times columns / q}$$

    Entry [(i s + k), (j t + l)] is A_ij B_kl, where B is (s, t). w is A, then B.

    Args:
        row_factor: p, which divides rows; by default the divisor nearest to their square root.
        column_factor: q, which divides columns; by default p, where that is given and divides them, else the
            divisor nearest to their square root.

    Raises:
        ValueError: if a factor is below 1 or does not divide.

    References: RPN 2 (2024), arXiv 2411.11162, hypercomplex multiplication reconciliation (hm).
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        std: float | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
    ) -> None:
        super().__init__(rows, columns, std, row_factor, column_factor)
        self.outer = normal(*self.outer_shape, self.std**0.5)
        self.inner = normal(*self.inner_shape, self.std**0.5)

    def outer_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.outer]

    def inner_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.inner]
