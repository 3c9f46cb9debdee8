"""Kronecker products of a small matrix with another."""

from abc import abstractmethod
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import reconcile
from hybridfuse.reconciliation.base import Reconciliation

SMALL = 1 << 14
"""Entries of ψ up to which it is built for a product: one large product then takes less time than two small ones."""


class KroneckerBase(Reconciliation):
    """ψ = A ⊗ B, with A (p, q) and B (rows / p, columns / q). An author writes `pair`.

    Args:
        row_factor: p, which divides rows; by default the divisor nearest to their square root.
        column_factor: q, which divides columns; by default as p.

    Raises:
        ValueError: if a factor is below 1 or does not divide.
    """

    @abstractmethod
    def __init__(
        self,
        rows: int,
        columns: int,
        std: float | None = None,
        row_factor: int | None = None,
        column_factor: int | None = None,
    ) -> None:
        super().__init__(rows, columns, std)
        p, q = _factor("row_factor", row_factor, rows), _factor("column_factor", column_factor, columns)
        self.outer_shape, self.inner_shape = (p, q), (rows // p, columns // q)

    @abstractmethod
    def pair(self) -> tuple[Float[Tensor, "p q"], Float[Tensor, "s t"]]:
        """A and B."""

    def factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [reconcile.kronecker(*self.pair())]

    def halves(
        self, left: Float[Tensor, "n rows"], right: Float[Tensor, "q columns"]
    ) -> tuple[Float[Tensor, "n columns"], Float[Tensor, "q columns"]]:
        return self.between([left]), right

    def between(self, left: Sequence[Tensor] = (), right: Sequence[Tensor] = ()) -> Float[Tensor, "_ _"]:
        if self.rows * self.columns <= SMALL:
            return super().between(left, right)
        outer, inner = (factor.to((*left, *right)[0].dtype) for factor in self.pair())
        if not left or (right and right[-1].shape[1] < left[0].shape[0]):
            return reconcile.chained([*left, reconcile.kronecker_times(outer, inner, reconcile.chained(right))])
        mapped = reconcile.kronecker_times(outer.mT, inner.mT, reconcile.chained(left).mT).mT
        return reconcile.chained([mapped, *right])


def _factor(name: str, factor: int | None, size: int) -> int:
    if factor is None:
        return reconcile.middle_divisor(size)
    if size % check.whole(name, factor):
        near = min(reconcile.divisors(size), key=lambda divisor: abs(divisor - factor))
        raise ValueError(f"{name} must divide {size}, got {factor}; the nearest that does is {near}.")
    return int(factor)
