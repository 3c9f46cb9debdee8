"""Functions of a sparse matrix B of links: as matrices, and applied to data by products with Bᵀ alone."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import chebyshev, graph, layout

Step = Callable[[Tensor], Tensor]
"""Z to Bᵀ Z."""

TOLERANCE = 4.0
"""An iteration ends when a step changes no entry by more than this many roundings (eps) of the largest one."""
_CHECKED_EVERY = 4
_POWERS = 256
_ENOUGH = 1.0 + 1e-9


def hops(matrix: Float[Tensor, "n n"], number: int, accumulative: bool) -> Float[Tensor, "n n"]:
    """B to the power of the number of hops, or the sum of all powers up to it, that of 0 included; sparse."""
    eye = layout.like(graph.eye(len(matrix), len(matrix)), matrix)
    power = matrix if number and not accumulative else eye
    for _ in range(number if accumulative else number - 1):
        power = eye + power @ matrix if accumulative else power @ matrix
    return layout.ordered(power) if number > 1 or accumulative else power


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


def over_pagerank(
    step: Step, items: Float[Tensor, "n d"], restart: float, radius: float, real: bool = False
) -> Float[Tensor, "n d"]:
    """`pagerank` applied, by one product a step; (1 - c) times the spectral radius must be below 1.

    Richardson's iteration; with Chebyshev's weights, which need half to a tenth of the steps, where all eigenvalues are
    real. See Golub, Varga (1961), Chebyshev semi-iterative methods.
    """
    rate, weight = (1.0 - restart) * radius, 1.0
    before, now = torch.zeros_like(items), restart * items
    for number in range(1, 2**62):
        if real:
            weight = 1.0 / (1.0 - rate**2 / (2.0 if number == 1 else 4.0) * weight)
        after = torch.add(restart * items, step(now), alpha=1.0 - restart)
        after = after if weight == 1.0 else before + weight * (after - before)
        before, now = now, after
        if items.is_meta or (number % _CHECKED_EVERY == 0 and _settled(before, now)):
            break
    return now


def steps(restart: float, radius: float, dtype: torch.dtype, real: bool = False) -> float:
    """About how many steps `over_pagerank` takes."""
    rate = (1.0 - restart) * radius
    rate = rate / (1.0 + math.sqrt(1.0 - rate**2)) if real else rate
    return math.log(torch.finfo(dtype).eps) / math.log(rate) if rate else 1.0


def over_heat(step: Step, items: Float[Tensor, "n d"], time: float) -> Float[Tensor, "n d"]:
    r"""$\exp(-t (I - B)) Z$ for symmetric B with eigenvalues in [-1, 1], to the precision of Z."""
    return chebyshev.evaluate(chebyshev.decay(time, torch.finfo(items.dtype).eps), step, items)


def radius_bound(matrix: Float[Tensor, "n n"]) -> float:
    """A number that is not below the spectral radius of |B|; near it, or at most 1.

    The smaller one of the two norms of |B|, or the k-th root of that of a power, of which products with a vector of
    ones are enough (Gelfand).
    """
    best = torch.inf
    for transposed in (False, True):
        side = layout.with_values(matrix, matrix.values().abs())
        side = layout.transposed(side) if transposed else side
        reached, logarithm = torch.ones(len(matrix), 1, dtype=matrix.dtype), 0.0
        for power in range(1, _POWERS + 1):
            reached = side @ reached
            largest = float(reached.max()) if len(reached) else 0.0
            if largest == 0.0:
                return 0.0
            logarithm += math.log(largest)
            reached = reached / largest
            best = min(best, math.exp(logarithm / power))
            if best <= _ENOUGH:
                return best
    return best


def _settled(before: Tensor, now: Tensor) -> bool:
    with torch.no_grad():
        apart, largest = ((now - before).norm(torch.inf), now.norm(torch.inf))
        return bool(apart <= TOLERANCE * torch.finfo(now.dtype).eps * largest)
