"""Distances between items; exact zeros on the diagonal, gradient 0 where two items coincide."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import pairwise, scale

# A squared distance below this share of the squared norms has lost half of its digits to cancellation.
_CANCELLED = 1e-3
_BLOCK = 1 << 18
_PANEL = 256


class _Euclidean(torch.autograd.Function):
    """Distances in a unit, to the power of 1 or 2; differentiable twice, without storing differences.

    By half a GEMM, entries that cancelled computed again directly. The second and third output are the pairs that
    cancelled, i < j; the gradient treats them directly, too.
    """

    @staticmethod
    def forward(items: Tensor, unit: float, power: int) -> tuple[Tensor, Tensor, Tensor]:
        magnitude, largest = scale.common_magnitude(items), torch.finfo(items.dtype).max
        squared, rows, columns = _by_products(_centred(items, magnitude))
        factor = (magnitude / unit).clamp_max(largest)
        powers = squared.sqrt_().mul_(factor) if power == 1 else squared.mul_(factor).mul_(factor)
        for i, j in _blocks(rows, columns, items):
            exact = _directly(items[i], items[j], min(2.0 / unit, largest)) ** power
            powers[i, j] = exact
            powers[j, i] = exact
        return powers.clamp_max_(largest).fill_diagonal_(0.0), rows, columns

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float, int], output: tuple[Tensor, Tensor, Tensor]) -> None:
        items, ctx.unit, ctx.power = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(items, *output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        items, powers, rows, columns = ctx.saved_tensors
        magnitude, largest = scale.common_magnitude(items), torch.finfo(items.dtype).max
        slopes = _slopes(grads[0] + grads[0].mT, powers, ctx.power)
        near = torch.eye(len(items), dtype=torch.bool, device=items.device)
        near = near.index_put((rows, columns), near.new_ones(())).index_put((columns, rows), near.new_ones(()))
        far = slopes.masked_fill(near, 0.0) * (magnitude / ctx.unit).clamp_max(largest)
        centred = _centred(items, magnitude)
        pull = far.sum(dim=1, keepdim=True) * centred - far @ centred
        inverse = min(1.0 / ctx.unit, largest)
        for i, j in _blocks(rows, columns, items):
            along = slopes[i, j].unsqueeze(1) * ((items[i] - items[j]) * inverse)
            pull = pull.index_add(0, i, along).index_add(0, j, -along)
        return pull * inverse, None, None


def _slopes(slopes: Tensor, powers: Tensor, power: int) -> Tensor:
    """Towards squared distances in a unit, times 2; 0 where a distance is 0 or beyond the largest number."""
    if power == 1:
        present = powers > 0
        slopes = torch.where(present, slopes / torch.where(present, powers, 1.0), 0.0)
    else:
        slopes = torch.where(powers < torch.finfo(powers.dtype).max, 2.0 * slopes, 0.0)
    # A slope that is not finite belongs to items that coincide but for the last digit.
    return slopes.nan_to_num(0.0, 0.0, 0.0)


def _centred(items: Tensor, magnitude: Tensor) -> Tensor:
    scaled = items / magnitude
    return scaled.sub_(scaled.mean(dim=0))


def _by_products(centred: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Squared distances, infinite on the diagonal; and the pairs i < j that cancelled, where they are noise."""
    n, norms = len(centred), centred.square().sum(dim=1, keepdim=True)
    squared = centred.new_empty(n, n)
    for start in range(0, n, _PANEL):
        rows, panel = slice(start, start + _PANEL), squared[start : start + _PANEL, start:]
        torch.addmm(norms.mT[:, start:], centred[rows], centred[start:].mT, alpha=-2.0, out=panel)
        panel += norms[rows]
    pairwise.mirrored(squared).fill_diagonal_(torch.inf)
    # Rows that may hold one are found by their smallest entry, since comparisons of all entries cost more than a GEMM.
    (suspects,) = torch.nonzero(squared.amin(dim=1) <= _CANCELLED * (norms[:, 0] + norms.max()), as_tuple=True)
    cancelled = squared[suspects] <= _CANCELLED * (norms[suspects] + norms.mT)
    rows, columns = torch.nonzero(cancelled, as_tuple=True)
    above = suspects[rows] < columns
    return squared, suspects[rows][above], columns[above]


def _directly(first: Tensor, second: Tensor, factor: float) -> Tensor:
    """Half the Euclidean distance of items, times a factor; nothing under- or overflows on its way."""
    apart = 0.5 * first - 0.5 * second
    largest = apart.abs().amax(dim=1)
    relative = apart.div_(torch.where(largest > 0, largest, 1.0).unsqueeze(1))
    return relative.square_().sum(dim=1).sqrt_() * largest * factor


def _blocks(rows: Tensor, columns: Tensor, items: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of items, so many at a time that their differences take little memory."""
    size = max(_BLOCK // max(items.shape[1], 1), 1)
    return zip(rows.split(size), columns.split(size), strict=True)


def squared_euclidean(items: Float[Tensor, "n d"], unit: float = 1.0) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \|x_i - x_j\|_2^2 / unit^2$, at most the largest finite number of the dtype."""
    squared, _, _ = _Euclidean.apply(items, unit, 2)
    return squared


def euclidean(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \|x_i - x_j\|_2$, at most the largest finite number of the dtype."""
    distances, _, _ = _Euclidean.apply(items, 1.0, 1)
    return distances


def manhattan(items: Float[Tensor, "n d"], unit: float = 1.0) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \|x_i - x_j\|_1 / unit$, at most the largest finite number of the dtype."""
    distances, largest = pairwise.distances(items, pairwise.Manhattan()), torch.finfo(items.dtype).max
    return distances if unit == 1 else (distances * min(1.0 / unit, largest)).clamp_max_(largest)


def chebyshev(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \max_k |x_{ik} - x_{jk}|$."""
    return pairwise.distances(items, pairwise.Chebyshev())


def minkowski(items: Float[Tensor, "n d"], order: float) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = (\sum_k |x_{ik} - x_{jk}|^p)^{1/p}$, by the special functions for the orders p that have one."""
    special = {1.0: manhattan, 2.0: euclidean, math.inf: chebyshev}.get(order)
    return pairwise.distances(items, pairwise.Minkowski(order)) if special is None else special(items)


def canberra(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$D_{ij} = \sum_k |x_{ik} - x_{jk}| / (|x_{ik}| + |x_{jk}|)$, terms of two zeros left out."""
    return pairwise.distances(items, pairwise.Canberra())
