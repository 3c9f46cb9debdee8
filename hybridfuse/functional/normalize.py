"""Scaling of rows and columns, dense or sparse; a sparse matrix keeps its pattern, only stored entries take part."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import csr, layout


def _sums(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the rows (n, 1) and of the columns (1, p)."""
    if not layout.is_sparse(matrix):
        return matrix.sum(dim=1, keepdim=True), matrix.sum(dim=0, keepdim=True)
    values = csr.values(matrix)
    rows, columns = csr.indices(matrix)
    row_sums = values.new_zeros(matrix.shape[0]).index_add(0, rows, values)
    column_sums = values.new_zeros(matrix.shape[1]).index_add(0, columns, values)
    return row_sums[:, None], column_sums[None, :]


def _divided(matrix: Tensor, row_divisors: Tensor, column_divisors: Tensor) -> Tensor:
    if not layout.is_sparse(matrix):
        return matrix / row_divisors / column_divisors
    rows, columns = csr.indices(matrix)
    of_rows = row_divisors.expand(matrix.shape[0], 1)[rows, 0]
    of_columns = column_divisors.expand(1, matrix.shape[1])[0, columns]
    return csr.with_values(matrix, csr.values(matrix) / of_rows / of_columns)


def _present(sums: Tensor) -> Tensor:
    return torch.where(sums == 0, 1.0, sums)


def _root(sums: Tensor) -> Tensor:
    """Roots of degrees; infinite for a zero degree, so that what is divided by it is 0."""
    degrees = sums.abs()
    present = degrees > 0
    return torch.where(present, torch.where(present, degrees, 1.0).sqrt(), torch.inf)


def row(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    r"""$A_{ij} / \sum_j A_{ij}$; a row that sums to 0 stays as it is."""
    matrix = layout.compressed(matrix)
    return _divided(matrix, _present(_sums(matrix)[0]), matrix.new_ones((1, 1), layout=torch.strided))


def column(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    r"""$A_{ij} / \sum_i A_{ij}$; a column that sums to 0 stays as it is."""
    matrix = layout.compressed(matrix)
    return _divided(matrix, matrix.new_ones((1, 1), layout=torch.strided), _present(_sums(matrix)[1]))


def symmetric(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    r"""$D_r^{-1/2} A D_c^{-1/2}$ with both degrees sums of A, in absolute value; a zero degree leaves zeros."""
    matrix = layout.compressed(matrix)
    row_sums, column_sums = _sums(matrix)
    return _divided(matrix, _root(row_sums), _root(column_sums))


def _softmax(matrix: Tensor, dim: int) -> Tensor:
    matrix = layout.compressed(matrix)
    if not layout.is_sparse(matrix):
        return matrix.softmax(dim)
    values = csr.values(matrix)
    groups = csr.indices(matrix)[1 - dim]
    size = matrix.shape[1 - dim]
    largest = values.detach().new_zeros(size).scatter_reduce(0, groups, values.detach(), "amax", include_self=False)
    weights = (values - largest[groups]).exp()
    sums = values.new_zeros(size).index_add(0, groups, weights)
    return csr.with_values(matrix, weights / sums[groups])


def softmax_row(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    r"""$\exp(A_{ij}) / \sum_j \exp(A_{ij})$, over the stored entries of a sparse matrix."""
    return _softmax(matrix, 1)


def softmax_column(matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
    r"""$\exp(A_{ij}) / \sum_i \exp(A_{ij})$, over the stored entries of a sparse matrix."""
    return _softmax(matrix, 0)
