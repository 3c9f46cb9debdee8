"""Kronecker products of a small matrix with another."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import fold, reconcile
from hybridfuse.reconciliation.base import Reconciliation

SMALL = 1 << 14
"""Entries of ψ up to which it is built for a product: one large product then takes less time than two small ones."""


class KroneckerBase(Reconciliation):
    """ψ = A ⊗ B, with A (p, q) and B (rows / p, columns / q). An author writes
    `outer_factors` and `inner_factors`.

    Args:
        row_factor: p, which divides rows; by default the divisor nearest to their square root.
        column_factor: q, which divides columns; by default p, where that is given and divides them, else as p.

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
        p = _factor("row_factor", row_factor, rows)
        is_common = column_factor is None and row_factor is not None and columns % p == 0
        q = p if is_common else _factor("column_factor", column_factor, columns)
        self.outer_shape, self.inner_shape = (p, q), (rows // p, columns // q)

    @abstractmethod
    def outer_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        """Matrices whose product A is."""

    @abstractmethod
    def inner_factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        """Matrices whose product B is."""

    def pair(self) -> tuple[Float[Tensor, "p q"], Float[Tensor, "s t"]]:
        """A and B."""
        return reconcile.chained(self.outer_factors()), reconcile.chained(self.inner_factors())

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

    def beside(self, parts: Sequence[Float[Tensor, "n _"]]) -> Float[Tensor, "n rows"]:
        """Where no graph needs what is made on the way, some rows at a time, so that it stays in a cache."""
        if self.rows * self.columns <= SMALL:
            return super().beside(parts)
        dtype = parts[0].dtype
        outer, inner = ([f.to(dtype) for f in own] for own in (self.outer_factors(), self.inner_factors()))
        if any(part.shape[1] % self.inner_shape[1] for part in parts):
            parts = [torch.cat(list(parts), dim=1)]
        made = self.outer_shape[1] * len(inner[-1])
        rows = max(1, 4 * fold.block_rows(parts[0]) * parts[0].shape[1] // made)
        if torch.is_grad_enabled() or rows >= len(parts[0]):
            return reconcile.kronecker_beside(parts, outer, inner)
        blocks = zip(*(part.split(rows) for part in parts), strict=True)
        return torch.cat([reconcile.kronecker_beside(block, outer, inner) for block in blocks])


def _factor(name: str, factor: int | None, size: int) -> int:
    if factor is None:
        return reconcile.middle_divisor(size)
    if size % check.whole(name, factor):
        near = min(reconcile.divisors(size), key=lambda divisor: abs(divisor - factor))
        raise ValueError(f"{name} must divide {size}, got {factor}; the nearest that does is {near}.")
    return int(factor)
