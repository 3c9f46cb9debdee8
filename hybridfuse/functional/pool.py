"""What matrices, dense or sparse, are like as a whole or by row, in numbers between -1 and 1."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.functional import csr, fold, layout, precision


def statistics(matrices: Sequence[Float[Tensor, "n p"]]) -> Float[Tensor, "k 2"]:
    """Mean and mean absolute value of all entries, those not stored included."""
    return squashed(torch.stack([_sums(matrix) / (matrix.shape[0] * matrix.shape[1]) for matrix in matrices]))


def row_statistics(matrices: Sequence[Float[Tensor, "n p"]]) -> Float[Tensor, "k 2 n"]:
    """Mean and mean absolute value of the entries of each row, those not stored included."""
    return squashed(torch.stack([_row_sums(matrix) / matrix.shape[1] for matrix in matrices]))


def entry_statistics(parts: Sequence[Float[Tensor, " *entries"]]) -> tuple[Tensor, Tensor]:
    """Each entry (k, …) and its absolute value."""
    entries = torch.stack([squashed(_wide(part)) for part in parts])
    return entries, entries.abs()


def _sums(matrix: Tensor) -> Float[Tensor, "2"]:
    values = _wide(csr.values(matrix) if layout.is_sparse(matrix) else matrix)
    return torch.stack([values.sum(), values.abs().sum()])


def _row_sums(matrix: Tensor) -> Float[Tensor, "2 n"]:
    if not layout.is_sparse(matrix):
        wide = _wide(matrix)
        if not fold.is_small(wide):
            return _RowSums.apply(wide)  # pyright: ignore[reportReturnType]
        return torch.stack([wide.sum(dim=1), wide.abs().sum(dim=1)])
    values, rows = _wide(csr.values(matrix)), csr.indices(matrix)[0]
    return torch.stack([values.new_zeros(len(matrix)).index_add(0, rows, some) for some in (values, values.abs())])


class _RowSums(torch.autograd.Function):
    """Sums of the numbers and of the absolute values of each row, some rows at a time."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        ctx.save_for_backward(matrix)
        blocks = matrix.split(fold.block_rows(matrix))
        return torch.cat([torch.stack([block.sum(dim=1), block.abs().sum(dim=1)]) for block in blocks], dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (matrix,), (of_sum, of_absolute) = ctx.saved_tensors, grads[0][:, :, None]
        if torch.is_grad_enabled():
            return of_sum + matrix.sign() * of_absolute
        slope, rows = torch.empty_like(matrix), fold.block_rows(matrix)
        for start in range(0, len(matrix), rows):
            some = slice(start, start + rows)
            torch.sign(matrix[some], out=slope[some]).mul_(of_absolute[some]).add_(of_sum[some])
        return slope


def squashed(numbers: Float[Tensor, " *shape"]) -> Float[Tensor, " *shape"]:
    r"""$t / (1 + |t|)$; what has overflowed counts as the largest number, or as 0 where its sign is lost."""
    return nn.functional.softsign(numbers.nan_to_num(nan=0.0))


def _wide(numbers: Tensor) -> Tensor:
    return numbers.float() if numbers.dtype in precision.HALF else numbers
