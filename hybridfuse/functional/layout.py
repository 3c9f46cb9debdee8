"""All that depends on whether a matrix is dense or sparse (CSR)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse.functional import csr, precision

Reduction = Callable[[Sequence[Tensor]], Tensor]


def is_sparse(matrix: Tensor) -> bool:
    return matrix.layout != torch.strided


def dense(matrix: Tensor) -> Tensor:
    if not is_sparse(matrix):
        return matrix
    values = csr.values(matrix)
    if not values.requires_grad:
        return matrix.to_dense()
    return values.new_zeros(matrix.shape).index_put(csr.indices(matrix), values)


def compressed(matrix: Tensor) -> Tensor:
    """A sparse matrix of any layout as CSR; a dense one as it is."""
    return matrix if matrix.layout in (torch.strided, torch.sparse_csr) else matrix.to_sparse_csr()


def like(matrix: Tensor, items: Tensor) -> Tensor:
    """The matrix in the dtype and on the device of the items."""
    if matrix.requires_grad and is_sparse(matrix):
        return csr.with_values(matrix.to(items.device), csr.values(matrix).to(items.dtype))
    return matrix.to(device=items.device, dtype=items.dtype)


def product(matrix: Float[Tensor, "n p"], items: Float[Tensor, "n d"]) -> Float[Tensor, "p d"]:
    """Aᵀ items: how every interdependence matrix is applied, on both axes."""
    matrix = like(matrix, items)
    if not is_sparse(matrix):
        return matrix.mT @ items
    if items.is_meta:  # torch has no sparse products there
        return items.new_empty(matrix.shape[1], items.shape[1])
    return in_full(items, lambda wide: csr.product(matrix, csr.values(matrix).to(wide.dtype), wide, adjoint=True))


def times(matrix: Float[Tensor, "n p"], weights: Float[Tensor, "p e"]) -> Float[Tensor, "n e"]:
    """A W, of a sparse matrix by its entries."""
    if not is_sparse(matrix):
        return matrix @ weights
    if weights.is_meta:  # torch has no sparse products there
        return weights.new_empty(matrix.shape[0], weights.shape[1])
    return in_full(weights, lambda wide: csr.product(matrix, csr.values(matrix).to(wide.dtype), wide))


def scaled(matrix: Float[Tensor, "n p"], factor: Float[Tensor, "#n 1"]) -> Float[Tensor, "n p"]:
    """Each row times a factor of its own, or all times one."""
    if not is_sparse(matrix):
        return matrix * factor
    of_rows = factor.expand(matrix.shape[0], 1)[csr.indices(matrix)[0], 0]
    return csr.with_values(matrix, csr.values(matrix) * of_rows)


def in_full(items: Tensor, multiply: Callable[[Tensor], Tensor]) -> Tensor:
    """There are no sparse products in half precision, which autocast would choose."""
    wide = items.float() if items.dtype in precision.HALF else items
    with precision.without_autocast(items.device):
        return multiply(wide).to(items.dtype)


def reduce_union(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Sparse matrices reduced entry by entry on the union of their patterns.

    `reduce` takes k vectors of z numbers to one and must take zeros to zero, so that nothing outside the union changes.
    """
    shape = matrices[0].shape
    if len(matrices) == 1:
        return csr.with_values(matrices[0], reduce([csr.values(matrices[0])]))
    positions = [rows * shape[1] + columns for rows, columns in map(csr.indices, matrices)]
    union = torch.unique(torch.cat(positions))
    parts = [
        csr.values(matrix).new_zeros(len(union)).index_put((torch.searchsorted(union, position),), csr.values(matrix))
        for matrix, position in zip(matrices, positions, strict=True)
    ]
    return csr.from_sorted(union // shape[1], union % shape[1], reduce(parts), (shape[0], shape[1]))


def reduce_intersection(matrices: Sequence[Tensor], reduce: Reduction) -> Tensor:
    """Dense and sparse matrices reduced where all sparse ones have entries; exact where one zero makes all zero."""
    rows, columns, values = intersection([matrix for matrix in matrices if is_sparse(matrix)])
    of_sparse = iter(values)
    parts = [next(of_sparse) if is_sparse(matrix) else matrix[rows, columns] for matrix in matrices]
    return csr.from_sorted(rows, columns, reduce(parts), (matrices[0].shape[0], matrices[0].shape[1]))


def intersection(matrices: Sequence[Tensor]) -> tuple[Int[Tensor, " z"], Int[Tensor, " z"], list[Float[Tensor, " z"]]]:
    """Rows and columns of the entries that all of several sparse matrices have, row by row, and their values."""
    rows, columns = csr.indices(matrices[0])
    if len(matrices) == 1:
        return rows, columns, [csr.values(matrices[0])]
    positions = [row * matrices[0].shape[1] + column for row, column in map(csr.indices, matrices)]
    common = positions[0]
    for position in positions[1:]:
        common = common[torch.isin(common, position)]
    orders = [position.argsort() for position in positions]
    found = [
        order[torch.searchsorted(position, common, sorter=order)]
        for position, order in zip(positions, orders, strict=True)
    ]
    values = [csr.values(matrix)[place] for matrix, place in zip(matrices, found, strict=True)]
    return common // matrices[0].shape[1], common % matrices[0].shape[1], values


def concatenate(matrices: Sequence[Tensor]) -> Tensor:
    """Matrices side by side; sparse if all are."""
    if not all(map(is_sparse, matrices)):
        return torch.cat([dense(matrix) for matrix in matrices], dim=1)
    widths = [matrix.shape[1] for matrix in matrices]
    offsets = [sum(widths[:index]) for index in range(len(widths))]
    rows, columns = zip(*map(csr.indices, matrices), strict=True)
    shifted = [column + offset for column, offset in zip(columns, offsets, strict=True)]
    values = torch.cat([csr.values(matrix) for matrix in matrices])
    return csr.from_entries(torch.cat(rows), torch.cat(shifted), values, (matrices[0].shape[0], sum(widths)))


def entries(matrix: Float[Tensor, "n p"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
    """What a matrix holds where a sparse one has entries, in their order."""
    rows, columns = csr.indices(pattern)
    if not is_sparse(matrix):
        return matrix[rows, columns]
    positions, wanted = (row * matrix.shape[1] + column for row, column in (csr.indices(matrix), (rows, columns)))
    if len(positions) == 0:
        return csr.values(matrix).new_zeros(len(wanted))
    order = positions.argsort()
    places = order[torch.searchsorted(positions, wanted, sorter=order).clamp_max(len(positions) - 1)]
    return torch.where(positions[places] == wanted, csr.values(matrix)[places], 0.0)
