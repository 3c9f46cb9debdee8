"""Distances between items; exact zeros on the diagonal, gradient 0 where two items coincide."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale

# A squared distance below this share of the squared norms has lost half of its digits to cancellation.
_CANCELLED = 1e-3
_BLOCK = 1 << 22


class _SquaredEuclidean(torch.autograd.Function):
    """By one GEMM, entries that cancelled computed again directly; differentiable twice, without storing differences.

    The second and third output are the pairs that cancelled, i < j; the gradient treats them directly, too.
    """

    @staticmethod
    def forward(items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        centred = items - items.mean(dim=0)
        squared_norms = centred.square().sum(dim=1)
        norms = squared_norms[:, None] + squared_norms[None, :]
        squared = torch.addmm(norms, centred, centred.mT, alpha=-2.0)
        rows, columns = torch.nonzero((squared <= _CANCELLED * norms).triu_(1), as_tuple=True)
        for i, j in _blocks(rows, columns, items):
            exact = (items[i] - items[j]).square_().sum(dim=1)
            squared[i, j] = exact
            squared[j, i] = exact
        return squared.clamp_min_(0.0).fill_diagonal_(0.0), rows, columns

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor, Tensor]) -> None:
        _, rows, columns = output
        ctx.mark_non_differentiable(rows, columns)
        ctx.save_for_backward(*inputs, rows, columns)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        items, rows, columns = ctx.saved_tensors
        # A slope that is not finite belongs to items that coincide but for the last digit.
        slopes = (grads[0] + grads[0].mT).nan_to_num(0.0, 0.0, 0.0)
        near = torch.eye(len(items), dtype=torch.bool, device=items.device)
        near = near.index_put((rows, columns), near.new_ones(())).index_put((columns, rows), near.new_ones(()))
        far = slopes.masked_fill(near, 0.0)
        centred = items - items.mean(dim=0)
        half = far.sum(dim=1, keepdim=True) * centred - far @ centred
        for i, j in _blocks(rows, columns, items):
            pull = slopes[i, j].unsqueeze(1) * (items[i] - items[j])
            half = half.index_add(0, i, pull).index_add(0, j, -pull)
        return 2.0 * half


def _blocks(rows: Tensor, columns: Tensor, items: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of items, so many at a time that their differences take little memory."""
    size = max(_BLOCK // max(items.shape[1], 1), 1)
    return zip(rows.split(size), columns.split(size), strict=True)


def _scaled(items: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances of the items divided by their common magnitude, so that no square overflows; and that."""
    magnitude = scale.common_magnitude(items)
    squared, _, _ = _SquaredEuclidean.apply(items / magnitude)
    return squared, magnitude


def squared_euclidean(items: Float[Tensor, "n d"], unit: float = 1.0) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \|x_i - x_j\|_2^2 / unit^2$, at most the largest finite number of the dtype."""
    squared, magnitude = _scaled(items)
    largest = torch.finfo(items.dtype).max
    factor = (magnitude / unit).clamp_max(largest)
    return (squared * factor * factor).clamp_max(largest)


def euclidean(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \|x_i - x_j\|_2$."""
    squared, magnitude = _scaled(items)
    apart = squared > 0
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0) * magnitude
