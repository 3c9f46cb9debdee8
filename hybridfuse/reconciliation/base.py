from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import reconcile, side_by_side


class Reconciliation(nn.Module, ABC):
    """Makes a matrix ψ(w) of a given shape from its parameters w.

    Args:
        rows: rows of ψ. At least 1.
        columns: columns of ψ. At least 1.
        std: standard deviation of the entries of ψ at the start; 1 / √columns by default.

    Raises:
        ValueError: if rows or columns is below 1, or std is not above 0.
    """

    narrow: ClassVar[bool] = False
    """Whether ψ is a product of matrices that are narrower than ψ."""

    def __init__(self, rows: int, columns: int, std: float | None = None) -> None:
        super().__init__()
        self.rows = check.whole("rows", rows)
        self.columns = check.whole("columns", columns)
        self.std = columns**-0.5 if std is None else check.positive("std", std)

    @abstractmethod
    def factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        """Matrices whose product ψ is."""

    def forward(self) -> Float[Tensor, "rows columns"]:
        """ψ(w)."""
        return reconcile.chained(self.factors())

    def between(self, left: Sequence[Tensor] = (), right: Sequence[Tensor] = ()) -> Float[Tensor, "_ _"]:
        """The product of the matrices on the left, ψ and those on the right, in the cheapest order.

        ψ is not built where that is not the cheapest. The matrices, at least one, are of one dtype, which ψ takes.
        """
        dtype = (*left, *right)[0].dtype
        factors = [factor if factor.dtype == dtype else factor.to(dtype) for factor in self.factors()]
        return reconcile.chained([*left, *factors, *right])

    def halves(
        self, left: Float[Tensor, "n rows"], right: Float[Tensor, "q columns"]
    ) -> tuple[Float[Tensor, "n r"], Float[Tensor, "q r"]]:
        """U and V with U Vᵀ = left ψ rightᵀ, cut where ψ is narrowest."""
        first, last = self.cut(left.dtype)
        return reconcile.chained([left, *first]), reconcile.chained([right, *last])

    def cut(self, dtype: torch.dtype) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Matrices whose products P and Q make ψ = P Qᵀ, cut where ψ is narrowest; none for Q where ψ is one matrix."""
        factors = [factor.to(dtype) for factor in self.factors()]
        widths = [factor.shape[1] for factor in factors]
        cut = 1 + widths.index(min(widths))
        return factors[:cut], [factor.mT for factor in reversed(factors[cut:])]

    def beside(self, parts: Sequence[Float[Tensor, "n _"]]) -> Float[Tensor, "n rows"]:
        """[A_1 … A_k] ψᵀ for dense matrices of one dtype, which are not put together."""
        *outer, inner = (factor.to(parts[0].dtype) for factor in self.factors())
        mapped = side_by_side.times(parts, inner)
        for factor in reversed(outer):
            mapped = side_by_side.spread(mapped, factor.mT)
        return mapped

    def linear(self, x: Float[Tensor, "b columns"], bias: Float[Tensor, " rows"] | None) -> Float[Tensor, "b rows"]:
        """x ψᵀ plus the bias, in the dtype of x."""
        mapped = self.between(right=[x.mT]).mT
        return mapped if bias is None else mapped + bias.to(mapped.dtype)


def normal(rows: int, columns: int, std: float) -> nn.Parameter:
    """A learnable matrix whose entries start at random, with mean 0."""
    return nn.Parameter(torch.empty(rows, columns).normal_(std=std))
