"""All that depends on whether a matrix is dense or sparse (CSR).

A sparse matrix is differentiable once: torch drops its values from second derivatives.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hybridfuse.functional import precision

Reduction = Callable[[Tensor], Tensor]

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
    # There are no sparse products in half precision, which autocast would choose.
    wide = items.float() if items.dtype in precision.HALF else items
    with precision.without_autocast(items.device):
        return (transpose(like(matrix, wide)) @ wide).to(items.dtype)


def transpose(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "p n"]:
    """Aᵀ without a copy: what a sparse matrix compresses by rows, read as compressed by columns.

    torch's own transpose of a CSR matrix raises in inference mode.
    """
    if not is_sparse(matrix):
        return matrix.mT
    pieces = (matrix.crow_indices(), matrix.col_indices(), matrix.values())
    return torch.sparse_csc_tensor(*pieces, matrix.shape[::-1], check_invariants=False)


def indices(matrix: Float[Tensor, "n p"]) -> tuple[Int[Tensor, " z"], Int[Tensor, " z"]]:
    """Rows and columns of the stored entries of a sparse matrix, in row-major order."""
    compressed = matrix.crow_indices()
    rows = torch.arange(matrix.shape[0], device=compressed.device).repeat_interleave(compressed.diff())
    return rows, matrix.col_indices()


def from_entries(
    rows: Int[Tensor, " z"], columns: Int[Tensor, " z"], values: Float[Tensor, " z"], shape: tuple[int, int]
) -> Float[Tensor, "n p"]:
    """CSR from entries in any order; entries given twice are added."""
    indices = torch.stack([rows, columns])
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=False).coalesce().to_sparse_csr()


def with_values(matrix: Float[Tensor, "n p"], values: Float[Tensor, " z"]) -> Float[Tensor, "n p"]:
    """The pattern of a sparse matrix with other values."""
    return _csr(matrix.crow_indices(), matrix.col_indices(), values, matrix.shape)


def reduce_union(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Sparse matrices reduced entry by entry on the union of their patterns.

    `reduce` takes (k, z) to (z,) and must take zeros to zero, so that nothing outside the union changes.
    """
    shape = matrices[0].shape
    positions = [rows * shape[1] + columns for rows, columns in map(indices, matrices)]
    union = torch.unique(torch.cat(positions))
    stack = torch.stack(
        [
            matrix.values().new_zeros(len(union)).index_put((torch.searchsorted(union, position),), matrix.values())
            for matrix, position in zip(matrices, positions, strict=True)
        ]
    )
    return from_entries(union // shape[1], union % shape[1], reduce(stack), (shape[0], shape[1]))


def reduce_intersection(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Dense and sparse matrices reduced on the pattern of the first sparse one; exact where one zero makes all zero."""
    pattern = next(matrix for matrix in matrices if is_sparse(matrix))
    rows, columns = indices(pattern)
    stack = torch.stack([matrix.values() if matrix is pattern else dense(matrix)[rows, columns] for matrix in matrices])
    return with_values(pattern, reduce(stack))


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
        self._assembled: tuple[Tensor, Tensor] | None = None
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
        if self._assembled is None or self._assembled[0] is not self.values:
            # What is kept must serve training too, although validation in inference mode may be the first to ask.
            with torch.inference_mode(False):
                matrix = _csr(self.crow_indices, self.col_indices, self.values, self.shape)
            self._assembled = (self.values, matrix)
        return self._assembled[1]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_assembled": None}


def _csr(crow_indices: Tensor, col_indices: Tensor, values: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.sparse_csr_tensor(crow_indices, col_indices, values, tuple(shape), check_invariants=False)
