"""Distances between items; exact zeros on the diagonal, gradient 0 where two items coincide."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale

# A squared distance below this share of the squared norms has lost half of its digits to cancellation.
_CANCELLED = 1e-3
_BLOCK = 1 << 22


class _SquaredEuclidean(torch.autograd.Function):
    """By one GEMM, entries that cancelled computed again directly; differentiable twice, no differences stored."""

    @staticmethod
    def forward(items: Tensor) -> Tensor:
        centred = items - items.mean(dim=0)
        squared_norms = centred.square().sum(dim=1)
        norms = squared_norms[:, None] + squared_norms[None, :]
        squared = torch.addmm(norms, centred, centred.mT, alpha=-2.0)
        rows, columns = torch.nonzero((squared < _CANCELLED * norms).triu_(1), as_tuple=True)
        block = max(_BLOCK // max(items.shape[1], 1), 1)
        for i, j in zip(rows.split(block), columns.split(block), strict=True):
            exact = (items[i] - items[j]).square_().sum(dim=1)
            squared[i, j] = exact
            squared[j, i] = exact
        return squared.clamp_min_(0.0).fill_diagonal_(0.0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (items,) = ctx.saved_tensors
        symmetric = grads[0] + grads[0].mT
        # The diagonal is constant; a slope beyond this limit belongs to items that coincide, where the gradient is 0.
        limit = torch.finfo(items.dtype).max ** 0.5
        idle = torch.eye(len(items), dtype=torch.bool, device=items.device) | ~(symmetric.abs() < limit)
        symmetric = symmetric.masked_fill(idle, 0.0)
        centred = items - items.mean(dim=0)
        return 2.0 * (symmetric.sum(dim=1, keepdim=True) * centred - symmetric @ centred)


def _scaled(items: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances of the items divided by their common magnitude, so that no square overflows; and that."""
    magnitude = scale.common_magnitude(items)
    squared: Tensor = _SquaredEuclidean.apply(items / magnitude)  # pyright: ignore[reportAssignmentType]
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
