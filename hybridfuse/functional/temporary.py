"""Temporary tensors of reductions: few, since a cache holds few, and written into again.

Comparisons are the numbers 0 and 1, which are added and multiplied ten times as fast as bools choose.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

Comparison = Callable[..., Tensor]
"""Of torch, such as `torch.lt`."""


def indicator(compare: Comparison, one: Tensor, other: Tensor | float) -> Tensor:
    """1 where a comparison holds, else 0; without a gradient."""
    with torch.no_grad():
        return compare(one, other, out=torch.empty_like(one))


def counted(compare: Comparison, parts: Sequence[Tensor], bound: Tensor) -> Tensor:
    """How many parts compare to a bound at each place; without a gradient."""
    return weighed(compare, parts, bound, [1] * len(parts))


def weighed(compare: Comparison, parts: Sequence[Tensor], bound: Tensor, weights: Sequence[int]) -> Tensor:
    """The sum of the weights of those that do."""
    with torch.no_grad():
        total, holds = torch.zeros_like(bound), torch.empty_like(bound)
        for part, weight in zip(parts, weights, strict=True):
            total.add_(compare(part, bound, out=holds), alpha=weight)
        return total


def added(terms: Iterable[Tensor]) -> Tensor:
    """The sum of some temporary tensors, into the first of them where no graph needs that."""
    remaining = iter(terms)
    total = next(remaining)
    for term in remaining:
        total = total + term if torch.is_grad_enabled() else total.add_(term)
    return total


def times(temporary: Tensor, factor: Tensor) -> Tensor:
    """The product, into the temporary tensor where no graph needs that."""
    return temporary * factor if torch.is_grad_enabled() else temporary.mul_(factor)


def wanted(parts: Sequence[Tensor], targets: Sequence[Tensor | None]) -> Iterator[tuple[Tensor, Tensor]]:
    """Each part that has a target, and that."""
    return ((part, target) for part, target in zip(parts, targets, strict=True) if target is not None)


def within(numbers: Tensor, low: float, high: float) -> bool:
    """Whether all numbers are known to be from one to another; found out where that takes no waiting."""
    if not numbers.is_cpu or not numbers.numel() or torch.compiler.is_exporting():
        return False
    least, largest = torch.aminmax(numbers)
    return low <= float(least) and float(largest) <= high


def normal(numbers: Tensor) -> bool:
    """Whether all numbers are finite and apart from zero, in full precision."""
    limits = torch.finfo(numbers.dtype)
    return within(numbers.abs(), limits.tiny, limits.max)
