"""An order of matrices that follows from their entries, so that rounding does not depend on how they were given."""

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.functional.differentiable import transforms_active

_SAMPLES = 4
"""Rows, and columns, of which entries are compared before all are."""


def canonical(matrices: Sequence[Float[Tensor, "n p"]]) -> Sequence[Float[Tensor, "n p"]]:
    """The matrices, of one shape, sparse ones last; as they come where entries are unknown, as in an export."""
    traced = torch.compiler.is_compiling() or torch.compiler.is_exporting() or transforms_active()
    if len(matrices) < 2 or traced or any(matrix.is_meta for matrix in matrices):
        return matrices
    keys = [(_sample(matrix), matrix) for matrix in matrices]
    return [matrix for _, matrix in sorted(keys, key=cmp_to_key(_compared))]


def _sample(matrix: Tensor) -> list[Any]:
    """Some entries, after how many there are if it is sparse, and 0 if it is not: what can be compared."""
    if layout.is_sparse(matrix):
        values = matrix.detach().values()
        return [float(len(values)) + 1.0, *values[:: max(len(values) // _SAMPLES**2, 1)].tolist()]
    rows, columns = (max(size // _SAMPLES, 1) for size in matrix.shape)
    return [0.0, *matrix.detach()[::rows, ::columns].tolist()]


def _compared(one: tuple[list[Any], Tensor], other: tuple[list[Any], Tensor]) -> int:
    """Below 0 if the one comes first, 0 if they are equal."""
    if one[0] != other[0]:
        return -1 if one[0] < other[0] else 1
    for first, second in zip(_pieces(one[1]), _pieces(other[1]), strict=True):
        apart = (first != second).flatten()
        if bool(apart.any()):
            place = int(apart.int().argmax())
            return -1 if first.flatten()[place] < second.flatten()[place] else 1
    return 0


def _pieces(matrix: Tensor) -> Sequence[Tensor]:
    matrix = matrix.detach()
    sparse = layout.is_sparse(matrix)
    return [matrix.crow_indices(), matrix.col_indices(), matrix.values()] if sparse else [matrix]
