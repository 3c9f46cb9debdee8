"""Functions of a sparse matrix B of links: as matrices, and applied to data by products with Bᵀ alone."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import chebyshev, csr, fold, graph, layout
from hybridfuse.functional.differentiable import Function

Step = Callable[[Tensor], Tensor]
"""Z to Bᵀ Z."""

TOLERANCE = 4.0
"""An iteration ends when a step changes no entry by more than this many roundings (eps) of the largest one."""
_CHECKED_EVERY = 4
_POWERS = 256
_BLOCK = 1 << 26
_ALIGNED = 16
"""Numbers of a row of items that a processor reads at once."""
_SKEWED = 10.0
_ENOUGH = 1.0 + 1e-9


def hops(matrix: Float[Tensor, "n n"], number: int, accumulative: bool) -> Float[Tensor, "n n"]:
    """B to the power of the number of hops, or the sum of all powers up to it, that of 0 included; sparse."""
    eye = layout.like(graph.eye(len(matrix), len(matrix)), matrix)
    power = matrix if number and not accumulative else eye
    for _ in range(number if accumulative else number - 1):
        power = eye + power @ matrix if accumulative else power @ matrix
    return csr.ordered(power) if number > 1 or accumulative else power


def over_hops(step: Step, items: Float[Tensor, "n d"], number: int, accumulative: bool) -> Float[Tensor, "n d"]:
    """`hops` applied, by as many products."""
    reached = items
    for _ in range(number):
        reached = items + step(reached) if accumulative else step(reached)
    return reached


def pagerank(matrix: Float[Tensor, "n n"], restart: float) -> Float[Tensor, "n n"]:
    r"""$c (I - (1 - c) B)^{-1}$, dense."""
    system = (restart - 1.0) * layout.dense(matrix)
    system.diagonal().add_(1.0)
    return restart * torch.linalg.inv(system)


Apply = Callable[[Tensor], Tensor]
Dominant = tuple[float, Tensor, Tensor]
"""An eigenvalue of Bᵀ, its right vector (n, 1) and its left one (1, n), whose product is 1."""


class _Linear(Function):
    """A linear function that works in place; its transpose takes the gradient back, as precisely as that can be."""

    @staticmethod
    def forward(items: Tensor, apply: Apply, adjoint: Apply) -> Tensor:
        return apply(items)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Apply, Apply], output: Tensor) -> None:
        _, ctx.function, ctx.adjoint = inputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return linear(ctx.adjoint, ctx.function, grads[0]), None, None


def linear(apply: Apply, adjoint: Apply, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """A linear function of the columns, some at a time; differentiable by the function that is its transpose."""

    def by_blocks(columns: Tensor, function: Apply) -> Tensor:
        if columns.is_meta:  # torch has no sparse products there
            return columns.clone()
        width = max(_BLOCK // len(columns) // _ALIGNED * _ALIGNED, 1)
        if columns.shape[1] <= width:
            return function(columns.contiguous())
        result = columns.new_empty(columns.shape)
        for part, place in zip(columns.split(width, dim=1), result.split(width, dim=1), strict=True):
            place.copy_(function(part.contiguous()))
        return result

    return _Linear.apply(  # pyright: ignore[reportReturnType]
        items, lambda columns: by_blocks(columns, apply), lambda columns: by_blocks(columns, adjoint)
    )


def over_pagerank(
    matrix: Float[Tensor, "n n"],
    items: Float[Tensor, "n d"],
    restart: float,
    radius: float,
    real: bool = False,
    dominant: Dominant | None = None,
) -> Float[Tensor, "n d"]:
    """The transpose of `pagerank` applied, of the matrix Bᵀ; (1 - c) times the spectral radius must be below 1.

    Richardson's iteration, in place; with Chebyshev's weights, which need half to a tenth of the steps, where all
    eigenvalues are real. It starts from what is right along a dominant eigenvector, if that is given, so that the
    next eigenvalue says how many steps it takes. See Golub, Varga (1961), Chebyshev semi-iterative methods.
    """
    rate, weight, source = (1.0 - restart) * radius, 1.0, restart * items
    before, now = torch.zeros_like(items), source.clone() if dominant is None else _start(source, restart, dominant)
    for number in itertools.count(1):
        if real:
            weight = 1.0 / (1.0 - rate**2 / (2.0 if number == 1 else 4.0) * weight)
        addend = source if weight == 1.0 else before.mul_(1.0 - weight).add_(source, alpha=weight)
        after = torch.addmm(addend, matrix, now, alpha=weight * (1.0 - restart), out=before)
        before, now = now, after
        if number % _CHECKED_EVERY == 0 and _settled(before, now):
            break
    return now


def _start(source: Tensor, restart: float, dominant: Dominant) -> Tensor:
    value, right, left = dominant
    grown = 1.0 / (1.0 - (1.0 - restart) * value) - 1.0
    start = torch.addmm(source, right.to(source.dtype), left.to(source.dtype) @ source, alpha=grown)
    # Any start is fine; sums of huge numbers are none.
    return start if bool(_largest(start).isfinite()) else torch.where(start.isfinite(), start, source)


def dominant_vectors(matrix: Float[Tensor, "n n"], transposed: Float[Tensor, "n n"]) -> Dominant | None:
    """Of a matrix without negative entries; none if powers take long to find them, or they are far from each other."""
    right, left = _power(matrix), _power(transposed)
    if right is None or left is None:
        return None
    left = left / left.max()
    overlap = float((left * right).sum())
    if overlap * _SKEWED < 1.0:
        return None
    value = float((left * (matrix @ right)).sum()) / overlap
    return value, right, left.mT / overlap


def _power(matrix: Tensor) -> Tensor | None:
    """The dominant eigenvector, of sum 1."""
    now = torch.full((len(matrix), 1), 1.0 / max(len(matrix), 1), dtype=matrix.dtype, device=matrix.device)
    for _ in range(_POWERS):
        before, now = now, matrix @ now
        if not float(now.sum()) > 0.0:
            return None
        now = now / now.sum()
        if _settled(before, now):
            return now
    return None


def steps(restart: float, radius: float, dtype: torch.dtype, real: bool = False) -> float:
    """About how many steps `over_pagerank` takes."""
    rate = (1.0 - restart) * radius
    rate = rate / (1.0 + math.sqrt(1.0 - rate**2)) if real else rate
    return math.log(torch.finfo(dtype).eps) / math.log(rate) if rate else 1.0


def over_heat(matrix: Float[Tensor, "n n"], items: Float[Tensor, "n d"], time: float) -> Float[Tensor, "n d"]:
    r"""$\exp(-t (I - B)) Z$ for symmetric B with eigenvalues in [-1, 1], to the precision of Z."""
    return chebyshev.evaluate(chebyshev.decay(time, torch.finfo(items.dtype).eps), matrix, items)


def radius_bound(matrix: Float[Tensor, "n n"]) -> float:
    """A number that is not below the spectral radius of |B|; near it, or at most 1.

    The smaller one of the two norms of |B|, or the k-th root of that of a power, of which products with a vector of
    ones are enough (Gelfand).
    """
    best = torch.inf
    for transposed in (False, True):
        side = csr.with_values(matrix, matrix.values().abs())
        side = csr.transposed(side) if transposed else side
        reached, logarithm = torch.ones(len(matrix), 1, dtype=matrix.dtype), 0.0
        for power in range(1, _POWERS + 1):
            reached = side @ reached
            largest = float(reached.max())
            if largest == 0.0:
                return 0.0
            logarithm += math.log(largest)
            reached = reached / largest
            best = min(best, math.exp(logarithm / power))
            if best <= _ENOUGH:
                return best
    return best


def _settled(before: Tensor, now: Tensor) -> bool:
    rows = fold.block_rows(now)
    pieces = zip(before.split(rows), now.split(rows), strict=True)
    found = [torch.stack([_largest(new - old), _largest(new)]) for old, new in pieces]
    apart, largest = torch.stack(found).amax(dim=0)
    # What is not a number never settles.
    return not bool(apart > TOLERANCE * torch.finfo(now.dtype).eps * largest)


def _largest(matrix: Tensor) -> Float[Tensor, ""]:
    """Of the absolute entries; torch's norm takes longer."""
    least, largest = torch.aminmax(matrix)
    return torch.maximum(-least, largest)
