"""All that depends on whether a matrix is dense or sparse (CSR).

A sparse matrix is differentiable once: torch drops its values from second derivatives.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor, nn

from hybridfuse.functional import precision

T = TypeVar("T")
Reduction = Callable[[Sequence[Tensor]], Tensor]

with warnings.catch_warnings():
    # torch says once a process that CSR is in beta; said here, nobody needs to read it.
    warnings.simplefilter("ignore")
    torch.eye(1).to_sparse_csr()


def is_sparse(matrix: Tensor) -> bool:
    return matrix.layout != torch.strided


def dense(matrix: Tensor) -> Tensor:
    return matrix.to_dense() if is_sparse(matrix) else matrix


def compressed(matrix: Tensor) -> Tensor:
    """A sparse matrix of any layout as CSR; a dense one as it is."""
    return matrix if matrix.layout in (torch.strided, torch.sparse_csr) else matrix.to_sparse_csr()


def like(matrix: Tensor, items: Tensor) -> Tensor:
    """The matrix in the dtype and on the device of the items."""
    return matrix.to(device=items.device, dtype=items.dtype)


def product(matrix: Float[Tensor, "n p"], items: Float[Tensor, "n d"]) -> Float[Tensor, "p d"]:
    """Aᵀ items: how every interdependence matrix is applied, on both axes."""
    matrix = like(matrix, items)
    if not is_sparse(matrix):
        return matrix.mT @ items
    if items.is_meta:  # torch has no sparse products there
        return items.new_empty(matrix.shape[1], items.shape[1])
    return _in_full(items, lambda wide: transpose(like(matrix, wide)) @ wide)


def times(matrix: Float[Tensor, "n p"], weights: Float[Tensor, "p e"]) -> Float[Tensor, "n e"]:
    """A W, of a sparse matrix by its entries."""
    if not is_sparse(matrix):
        return matrix @ weights
    if weights.is_meta:  # torch has no sparse products there
        return weights.new_empty(matrix.shape[0], weights.shape[1])
    return _in_full(weights, lambda wide: like(matrix, wide) @ wide)


def scaled(matrix: Float[Tensor, "n p"], factor: Float[Tensor, "#n 1"]) -> Float[Tensor, "n p"]:
    """Each row times a factor of its own, or all times one."""
    if not is_sparse(matrix):
        return matrix * factor
    of_rows = factor.expand(matrix.shape[0], 1)[indices(matrix)[0], 0]
    return with_values(matrix, matrix.values() * of_rows)


def _in_full(items: Tensor, multiply: Callable[[Tensor], Tensor]) -> Tensor:
    """There are no sparse products in half precision, which autocast would choose."""
    wide = items.float() if items.dtype in precision.HALF else items
    with precision.without_autocast(items.device):
        return multiply(wide).to(items.dtype)


def transpose(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "p n"]:
    """Aᵀ without a copy: what a sparse matrix compresses by rows, read as compressed by columns.

    torch's own transpose of a CSR matrix raises in inference mode.
    """
    if not is_sparse(matrix):
        return matrix.mT
    pieces = (matrix.crow_indices(), matrix.col_indices(), matrix.values())
    return torch.sparse_csc_tensor(*pieces, matrix.shape[::-1], check_invariants=False)


def transposed(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "p n"]:
    """Aᵀ compressed by rows: a copy that makes products three times as fast as `transpose`."""
    starts, columns, order = _by_column(matrix)
    return _csr(starts, columns, matrix.values()[order], (matrix.shape[1], matrix.shape[0]))


def _by_column(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where each column starts, the rows of its entries, and their places; counted by scipy, where it can be."""
    if matrix.device.type != "cpu":
        rows, columns = indices(matrix)
        ordered, order = torch.sort(columns, stable=True)
        return _row_starts(ordered, matrix.shape[1]), rows[order], order
    pieces = (matrix.crow_indices().numpy(), matrix.col_indices().numpy())
    places = sparse.csr_array((np.arange(matrix.values().numel()), *pieces[::-1]), matrix.shape).tocsc()
    starts, rows, order = (torch.from_numpy(array).long() for array in (places.indptr, places.indices, places.data))
    return starts, rows, order


def indices(matrix: Float[Tensor, "n p"]) -> tuple[Int[Tensor, " z"], Int[Tensor, " z"]]:
    """Rows and columns of the stored entries of a sparse matrix, in row-major order."""
    compressed = matrix.crow_indices()
    columns = matrix.col_indices()
    rows = torch.arange(matrix.shape[0], device=compressed.device)
    return rows.repeat_interleave(compressed.diff(), output_size=len(columns)), columns


def from_entries(
    rows: Int[Tensor, " z"], columns: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: tuple[int, int]
) -> Float[Tensor, "n p"]:
    """CSR from entries in any order; entries given twice are added."""
    indices = torch.stack([rows, columns])
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=False).coalesce().to_sparse_csr()


def from_sorted(
    rows: Int[Tensor, " z"], columns: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: tuple[int, int]
) -> Float[Tensor, "n p"]:
    """CSR from entries in row-major order, each given once."""
    return _csr(_row_starts(rows, shape[0]), columns, values, shape)


def ordered(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    """A CSR matrix with the entries of each row in the order of their columns, which a sparse product leaves open."""
    rows, columns = indices(matrix)
    order = torch.argsort(rows * matrix.shape[1] + columns)
    return _csr(matrix.crow_indices(), columns[order], matrix.values()[order], matrix.shape)


def with_values(matrix: Float[Tensor, "n p"], values: Float[Tensor, " z"]) -> Float[Tensor, "n p"]:
    """The pattern of a sparse matrix with other values."""
    return _csr(matrix.crow_indices(), matrix.col_indices(), values, matrix.shape)


def reduce_union(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Sparse matrices reduced entry by entry on the union of their patterns.

    `reduce` takes k vectors of z numbers to one and must take zeros to zero, so that nothing outside the union changes.
    """
    shape = matrices[0].shape
    if len(matrices) == 1:
        return with_values(matrices[0], reduce([matrices[0].values()]))
    positions = [rows * shape[1] + columns for rows, columns in map(indices, matrices)]
    union = torch.unique(torch.cat(positions))
    parts = [
        matrix.values().new_zeros(len(union)).index_put((torch.searchsorted(union, position),), matrix.values())
        for matrix, position in zip(matrices, positions, strict=True)
    ]
    return from_sorted(union // shape[1], union % shape[1], reduce(parts), (shape[0], shape[1]))


def reduce_intersection(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Dense and sparse matrices reduced where all sparse ones have entries; exact where one zero makes all zero."""
    rows, columns, values = intersection([matrix for matrix in matrices if is_sparse(matrix)])
    of_sparse = iter(values)
    parts = [next(of_sparse) if is_sparse(matrix) else matrix[rows, columns] for matrix in matrices]
    return from_sorted(rows, columns, reduce(parts), (matrices[0].shape[0], matrices[0].shape[1]))


def intersection(matrices: Sequence[Tensor]) -> tuple[Int[Tensor, " z"], Int[Tensor, " z"], list[Float[Tensor, " z"]]]:
    """Rows and columns of the entries that all of several sparse matrices have, row by row, and their values."""
    rows, columns = indices(matrices[0])
    if len(matrices) == 1:
        return rows, columns, [matrices[0].values()]
    positions = [row * matrices[0].shape[1] + column for row, column in map(indices, matrices)]
    common = positions[0]
    for position in positions[1:]:
        common = common[torch.isin(common, position)]
    orders = [position.argsort() for position in positions]
    found = [
        order[torch.searchsorted(position, common, sorter=order)]
        for position, order in zip(positions, orders, strict=True)
    ]
    values = [matrix.values()[place] for matrix, place in zip(matrices, found, strict=True)]
    return common // matrices[0].shape[1], common % matrices[0].shape[1], values


def concatenate(matrices: Sequence[Tensor]) -> Tensor:
    """Matrices side by side; sparse if all are."""
    if not all(map(is_sparse, matrices)):
        return torch.cat([dense(matrix) for matrix in matrices], dim=1)
    widths = [matrix.shape[1] for matrix in matrices]
    offsets = [sum(widths[:index]) for index in range(len(widths))]
    rows, columns = zip(*map(indices, matrices), strict=True)
    shifted = [column + offset for column, offset in zip(columns, offsets, strict=True)]
    values = torch.cat([matrix.values() for matrix in matrices])
    return from_entries(torch.cat(rows), torch.cat(shifted), values, (matrices[0].shape[0], sum(widths)))


class Derived(Generic[T]):
    """What follows from a tensor: computed again once that is another one or has been written to, never copied."""

    def __init__(self) -> None:
        self._known: tuple[Tensor, int, T] | None = None

    def __call__(self, tensor: Tensor, compute: Callable[[], T]) -> T:
        version = 0 if tensor.is_inference() else tensor._version
        if self._known is None or self._known[0] is not tensor or self._known[1] != version:
            # What is kept must serve training too, although validation in inference mode may be the first to ask.
            with torch.inference_mode(False), torch.no_grad():
                self._known = (tensor, version, compute())
        return self._known[2]

    def __reduce__(self) -> tuple[type["Derived[T]"], tuple[()]]:
        return type(self), ()


class _Product(torch.autograd.Function):
    """A sparse matrix that has no gradient times a dense one; its transpose takes the gradient back."""

    @staticmethod
    def forward(ctx: Any, applied: Tensor, adjoint: Tensor, items: Tensor) -> Tensor:
        ctx.matrices = (adjoint, applied)
        return applied @ items

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
        self._sparse = is_sparse(matrix)
        self._assembled: Derived[Tensor] = Derived()
        self._transposed: Derived[Tensor] = Derived()
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
        return cls(_csr(crow_indices.clone(), col_indices.clone(), values.clone(), shape))

    def forward(self) -> Float[Tensor, "n p"]:
        """The matrix; the same object each time until the module is moved or cast."""
        if not self._sparse:
            return self.values
        return self._assembled(self.values, lambda: _csr(self.crow_indices, self.col_indices, self.values, self.shape))

    def product(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "p d"]:
        """Aᵀ items, faster than `layout.product` from the second time on: the transpose of a sparse A is kept."""
        if not self._sparse or items.is_meta:
            return product(self(), items)
        matrix = self()
        adjoint = self._transposed(self.values, lambda: transposed(matrix))
        return _in_full(items, lambda wide: _Product.apply(like(adjoint, wide), like(matrix, wide), wide))  # pyright: ignore[reportReturnType]


def _row_starts(rows: Tensor, n: int) -> Tensor:
    """Where each of n rows begins among entries that are ordered by row."""
    return torch.searchsorted(rows, torch.arange(n + 1, device=rows.device))


def _csr(crow_indices: Tensor, col_indices: Tensor, values: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.sparse_csr_tensor(crow_indices, col_indices, values, tuple(shape), check_invariants=False)
