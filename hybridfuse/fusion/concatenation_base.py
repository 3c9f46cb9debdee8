"""Concatenations that are mapped to fewer columns."""

from abc import abstractmethod
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import layout
from hybridfuse.fusion.stacking_base import StackingBase
from hybridfuse.reconciliation.base import Reconciliation


class ConcatenationBase(StackingBase):
    """A = [A_1 … A_k] ψᵀ, for any reconciliation ψ (p, p_1 + … + p_k); A has the scale of the matrices at first.

    The concatenation is not built where ψ has a factor that can be cut. An author gives `reconciliation` in `__init__`.

    Args:
        p: columns of A. At least 1; by default those of each matrix.

    Raises:
        ValueError: if dims is not given, or p is not where the matrices differ in theirs.
    """

    reconciliation: Reconciliation

    @abstractmethod
    def __init__(self, dims: Sequence[int] | None = None, p: int | None = None) -> None:
        super().__init__(dims)
        widths = self._dims(None)
        if p is None and len(set(widths)) > 1:
            raise ValueError(f"{self.name} needs p for matrices with {', '.join(map(str, widths))} columns.")
        self.p = widths[0] if p is None else check.whole("p", p)
        self.width = sum(widths)

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        given = list(self._dims(dims))
        if given != self.dims:
            own, got = (", ".join(map(str, some)) for some in (self._dims(None), given))
            raise ValueError(f"{self.name} has parameters for matrices with {own} columns, got {got}.")
        return self.p

    def mapped(self, products: Float[Tensor, "w e"]) -> Float[Tensor, "p e"]:
        return self.reconciliation.between(right=[products])

    def saves(self, n: int, e: int, built: int) -> bool:
        return e * (self.p * self.width + n * built) <= n * self.p * (self.width + e)

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        if not any(map(layout.is_sparse, matrices)):
            return self.reconciliation.beside(matrices)
        *outer, inner = (factor.to(matrices[0].dtype) for factor in self.reconciliation.factors())
        pieces = inner.split([matrix.shape[1] for matrix in matrices], dim=1)
        mapped = layout.times(matrices[0], pieces[0].mT)
        for matrix, piece in zip(matrices[1:], pieces[1:], strict=True):
            mapped = mapped + layout.times(matrix, piece.mT)
        for factor in reversed(outer):
            mapped = mapped @ factor.mT
        return mapped
