"""Sparse matrices compressed by rows (CSR): their entries, their transposes, their products with dense ones.

torch drops the values of a CSR matrix from second derivatives; what is here is differentiable any number of times.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor
from torch.nn.functional import embedding_bag

from hybridfuse.functional.differentiable import Function, transforms_active

_LONG = 32
"""Numbers of a row from which on `embedding_bag` takes less time than a sparse product, where it is vectorised."""
_VECTORISED = "AVX" in torch.backends.cpu.get_cpu_capability()

with warnings.catch_warnings():
    # torch says once a process that CSR is in beta; said here, nobody needs to read it.
    warnings.simplefilter("ignore")
    torch.eye(1).to_sparse_csr()


def assembled(
    crow_indices: Int[Tensor, " _"], col_indices: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: Sequence[int]
) -> Float[Tensor, "n p"]:
    """The matrix of its three pieces, which are not checked; dense in a network that is exported, where it must be."""
    if torch.compiler.is_exporting():
        places = (_rows(crow_indices, len(col_indices)), col_indices)
        return values.new_zeros(tuple(shape)).index_put(places, values)
    return _Assembled.apply(crow_indices, col_indices, values, tuple(shape))  # pyright: ignore[reportReturnType]


def values(matrix: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
    """The stored entries, row by row."""
    return _Values.apply(matrix) if matrix.requires_grad else matrix.values()  # pyright: ignore[reportReturnType]


class _Assembled(Function):
    @staticmethod
    def forward(crow_indices: Tensor, col_indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
        return torch.sparse_csr_tensor(crow_indices, col_indices, values, shape, check_invariants=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, tuple[int, int]], output: Tensor) -> None:
        ctx.set_materialize_grads(False)  # a zero matrix would have no entries at all
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[None, None, Tensor | None, None]:
        (grad,) = grads
        if grad is None:
            return None, None, None, None
        if grad.layout == torch.strided:  # as that of `to_dense` is
            crow_indices, col_indices = ctx.saved_tensors
            return None, None, grad[_rows(crow_indices, len(col_indices)), col_indices], None
        return None, None, values(grad), None


class _Values(Function):
    @staticmethod
    def forward(matrix: Tensor) -> Tensor:
        return matrix.values().clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        (matrix,) = inputs
        ctx.shape = matrix.shape
        ctx.save_for_backward(matrix.crow_indices(), matrix.col_indices())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        crow_indices, col_indices = ctx.saved_tensors
        return assembled(crow_indices, col_indices, grads[0], ctx.shape)


def with_values(matrix: Float[Tensor, "n p"], values: Float[Tensor, " z"]) -> Float[Tensor, "n p"]:
    """The pattern of a sparse matrix with other values."""
    return assembled(matrix.crow_indices(), matrix.col_indices(), values, matrix.shape)


def from_entries(
    rows: Int[Tensor, " z"], columns: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: tuple[int, int]
) -> Float[Tensor, "n p"]:
    """From entries in any order; entries given twice are added."""
    positions, places = torch.unique(rows * shape[1] + columns, return_inverse=True)
    totals = values.new_zeros(len(positions)).index_add(0, places, values)
    return from_sorted(positions // shape[1], positions % shape[1], totals, shape)


def from_sorted(
    rows: Int[Tensor, " z"], columns: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: tuple[int, int]
) -> Float[Tensor, "n p"]:
    """From entries in row-major order, each given once."""
    return assembled(_row_starts(rows, shape[0]), columns, values, shape)


def indices(matrix: Float[Tensor, "n p"]) -> tuple[Int[Tensor, " z"], Int[Tensor, " z"]]:
    """Rows and columns of the stored entries, in row-major order."""
    columns = matrix.col_indices()
    return _rows(matrix.crow_indices(), len(columns)), columns


def _rows(crow_indices: Tensor, entries: int) -> Tensor:
    rows = torch.arange(len(crow_indices) - 1, device=crow_indices.device)
    return rows.repeat_interleave(crow_indices.diff(), output_size=entries)


def _row_starts(rows: Tensor, n: int) -> Tensor:
    """Where each of n rows begins among entries that are ordered by row."""
    return torch.searchsorted(rows, torch.arange(n + 1, device=rows.device))


def ordered(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    """The entries of each row in the order of their columns, which a sparse product leaves open."""
    rows, columns = indices(matrix)
    order = torch.argsort(rows * matrix.shape[1] + columns)
    return assembled(matrix.crow_indices(), columns[order], values(matrix)[order], matrix.shape)


def transposed(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "p n"]:
    """Aᵀ compressed by rows: torch multiplies a matrix that is read by columns by sorting it first."""
    starts, columns, order = by_column(matrix)
    return assembled(starts, columns, values(matrix)[order], (matrix.shape[1], matrix.shape[0]))


def by_column(matrix: Float[Tensor, "n p"]) -> tuple[Int[Tensor, " _"], Int[Tensor, " z"], Int[Tensor, " z"]]:
    """Where each column starts, the rows of its entries, and their places; counted by scipy, where it can be."""
    if matrix.device.type != "cpu":
        rows, columns = indices(matrix)
        ordered, order = torch.sort(columns, stable=True)
        return _row_starts(ordered, matrix.shape[1]), rows[order], order
    pieces = (matrix.crow_indices().numpy(), matrix.col_indices().numpy())
    places = sparse.csr_array((np.arange(len(pieces[1])), *pieces[::-1]), matrix.shape).tocsc()
    starts, rows, order = (torch.from_numpy(array).long() for array in (places.indptr, places.indices, places.data))
    return starts, rows, order


def products(
    pattern: Float[Tensor, "n p"], left: Float[Tensor, "n r"], right: Float[Tensor, "p r"]
) -> Float[Tensor, " z"]:
    """⟨left_i, right_j⟩ at each stored entry (i, j) of a matrix, in its order; nothing n × p is built."""
    return _Products.apply(pattern.detach(), left, right)


def product(
    pattern: Float[Tensor, "n p"], values: Float[Tensor, " z"], dense: Float[Tensor, "q e"], adjoint: bool = False
) -> Float[Tensor, "s e"]:
    """S Z, or Sᵀ Z, for the matrix S with the pattern of another and values of its own."""
    return _Product.apply(pattern.detach(), values, dense, adjoint)


def applied(matrix: Float[Tensor, "n p"], items: Float[Tensor, "p e"]) -> Float[Tensor, "n e"]:
    """S Z without a graph, in the memory order of Z, which what it is added to has, too."""
    if items.is_contiguous() or not items.mT.is_contiguous() or not items.is_cpu:
        return _times(matrix, items)
    into = items.new_empty(items.shape[1], matrix.shape[0]).mT
    return torch.mm(matrix, items, out=into)


def _times(matrix: Float[Tensor, "n p"], items: Float[Tensor, "p e"]) -> Float[Tensor, "n e"]:
    """S Z, of long rows in float32 as sums of embeddings, which take half the time of torch's sparse products."""
    long = items.shape[1] >= _LONG and items.dtype == torch.float32 and items.is_cpu and items.is_contiguous()
    if not (long and _VECTORISED) or torch.compiler.is_compiling() or transforms_active():
        return matrix @ items
    starts, columns, weights = matrix.crow_indices(), matrix.col_indices(), matrix.values()
    return embedding_bag(columns, items, starts, mode="sum", per_sample_weights=weights, include_last_offset=True)


class _Products(Function):
    @staticmethod
    def forward(pattern: Tensor, left: Tensor, right: Tensor) -> Tensor:
        matrix = with_values(pattern, torch.ones_like(pattern.values(), dtype=left.dtype))
        return torch.sparse.sampled_addmm(matrix, left.contiguous(), right.mT, beta=0.0).values()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        pattern, left, right = ctx.saved_tensors
        _, of_left, of_right = ctx.needs_input_grad
        return (
            None,
            product(pattern, grads[0], right) if of_left else None,
            product(pattern, grads[0], left, adjoint=True) if of_right else None,
        )


class _Product(Function):
    @staticmethod
    def forward(pattern: Tensor, values: Tensor, dense: Tensor, adjoint: bool) -> Tensor:
        matrix = with_values(pattern, values)
        return _times(transposed(matrix) if adjoint else matrix, dense.contiguous())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
        pattern, values, dense, ctx.adjoint = inputs
        ctx.save_for_backward(pattern, values, dense)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor | None, Tensor | None, None]:
        pattern, values, dense = ctx.saved_tensors
        (grad,) = grads
        left, right = (dense, grad) if ctx.adjoint else (grad, dense)
        return (
            None,
            products(pattern, left, right) if ctx.needs_input_grad[1] else None,
            product(pattern, values, grad, not ctx.adjoint) if ctx.needs_input_grad[2] else None,
            None,
        )
