"""Constant matrices that modules hold."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.functional import csr, layout

T = TypeVar("T")
SMALL = 1 << 14
"""Entries of a sparse matrix, zeros included, up to which a dense product takes less time than a sparse one."""
_KEPT_DENSE = 1 << 18
"""Entries of a sparse matrix, zeros included, up to which it is kept as a dense one, too, for what needs that."""


class Derived(Generic[T]):
    """What follows from tensors: computed again once one is another or has been written to, never copied."""

    def __init__(self) -> None:
        self._known: tuple[Sequence[Tensor], Sequence[object], T] | None = None

    def __call__(self, tensor: Tensor, compute: Callable[[], T]) -> T:
        return self.of_all((tensor,), compute)

    def of_all(self, tensors: Sequence[Tensor], compute: Callable[[], T], *facts: object) -> T:
        """What follows from several tensors, and from facts that are compared."""
        state = (*(0 if tensor.is_inference() else tensor._version for tensor in tensors), *facts)
        known = self._known
        if known is None or known[1] != state or not all(map(operator.is_, known[0], tensors)):
            # What is kept must serve training too, although validation in inference mode may be the first to ask.
            with torch.inference_mode(False), torch.no_grad():
                known = self._known = (tensors, state, compute())
        return known[2]

    def __reduce__(self) -> tuple[type["Derived[T]"], tuple[()]]:
        return type(self), ()


class _Product(torch.autograd.Function):
    """A sparse matrix that has no gradient times a dense one; its transpose takes the gradient back."""

    @staticmethod
    def forward(ctx: Any, applied: Tensor, adjoint: Tensor, items: Tensor) -> Tensor:
        ctx.matrices = (adjoint, applied)
        return csr.applied(applied, items)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, Tensor]:
        return None, None, _Product.apply(*ctx.matrices, grads[0])  # pyright: ignore[reportReturnType]


class Stored(nn.Module):
    """A constant matrix, dense or sparse, that is saved, moved and cast with the module that holds it.

    CSR tensors cannot be copied as buffers, so their three pieces are.
    """

    PIECES = ("values", "crow_indices", "col_indices")
    """What its state holds; the first alone for a dense matrix."""

    def __init__(self, matrix: Float[Tensor, "n p"]) -> None:
        super().__init__()
        self.shape = tuple(matrix.shape)
        self.precision = matrix.dtype
        self._sparse = layout.is_sparse(matrix)
        self._assembled: Derived[Tensor] = Derived()
        self._transposed: Derived[Tensor] = Derived()
        self._order: Derived[Tensor] = Derived()
        self._full: Derived[Tensor] = Derived()
        self.values: Tensor
        self.register_buffer("values", matrix.values() if self._sparse else matrix)
        if self._sparse:
            self.crow_indices: Tensor
            self.col_indices: Tensor
            self.register_buffer("crow_indices", matrix.crow_indices())
            self.register_buffer("col_indices", matrix.col_indices())

    @classmethod
    def of_pieces(
        cls, shape: tuple[int, int], values: Tensor, crow_indices: Tensor | None, col_indices: Tensor | None
    ) -> "Stored":
        """From what its state holds."""
        if crow_indices is None or col_indices is None:
            return cls(values.clone())
        return cls(csr.assembled(crow_indices.clone(), col_indices.clone(), values.clone(), shape))

    def forward(self) -> Float[Tensor, "n p"]:
        """The matrix; the same object each time until the module is moved or cast."""
        if not self._sparse:
            return self.values
        return self._assembled(self.values, self._of_buffers)

    def _of_buffers(self) -> Float[Tensor, "n p"]:
        pieces = (self.crow_indices, self.col_indices, self.values)
        # A sparse matrix of tensors that were made or moved in inference mode would not give them back.
        rows, columns, values = (piece.clone() if piece.is_inference() else piece for piece in pieces)
        return csr.assembled(rows, columns, values, self.shape)

    def product(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "p d"]:
        """Aᵀ items, faster than `layout.product` from the second time on: the transpose of a sparse A is kept."""
        if not self._sparse or items.is_meta:
            return layout.product(self(), items)
        matrix = self()
        if matrix.numel() <= SMALL:
            full = self.dense()
            return layout.in_full(items, lambda wide: layout.like(full, wide).mT @ wide)
        adjoint = self.transposed()
        return layout.in_full(items, lambda wide: _applied(layout.like(adjoint, wide), layout.like(matrix, wide), wide))

    def dense(self) -> Float[Tensor, "n p"]:
        """The matrix as a dense one; the same object each time, until the module is moved or cast, if it is small."""
        matrix = self()
        if not self._sparse or matrix.numel() > _KEPT_DENSE or matrix.is_meta:
            return layout.dense(matrix)
        return self._full(self.values, lambda: layout.dense(matrix))

    def product_of(self, values: Float[Tensor, " z"], items: Float[Tensor, "n d"]) -> Float[Tensor, "p d"]:
        """Aᵀ items of a sparse A with other values at its entries, which have no gradient."""
        matrix, adjoint = self(), self.transposed()
        order = self._order(self.values, lambda: csr.by_column(matrix)[2])
        return _applied(csr.with_values(adjoint, values[order]), csr.with_values(matrix, values), items)

    def transposed(self) -> Float[Tensor, "p n"]:
        """Aᵀ, compressed by rows if sparse; the same object each time until the module is moved or cast."""
        matrix = self()
        return self._transposed(self.values, lambda: csr.transposed(matrix)) if self._sparse else matrix.mT


def _applied(matrix: Tensor, adjoint: Tensor, items: Tensor) -> Tensor:
    return _Product.apply(matrix, adjoint, items)  # pyright: ignore[reportReturnType]
