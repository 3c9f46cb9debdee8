"""The order of observations."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

_BLOCK = 1 << 16


def average(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Ranks of the features of each item from 1 on, equal ones sharing the mean of their ranks; no gradient.

    References: Kendall (1945), The treatment of ties in ranking problems.
    """
    return _some_at_a_time(_average, items.detach())


def _average(items: Tensor) -> Tensor:
    ordered, order = items.sort(dim=1)
    first, last = _ties(ordered)
    return torch.empty_like(ordered).scatter_(1, order, (first + last).to(items.dtype) / 2.0)


def mean_distance(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Mean distance of each feature of an item from all features of it, by sums of the smaller and the larger ones."""
    return _some_at_a_time(_mean_distance, items)


def _mean_distance(items: Tensor) -> Tensor:
    ordered, order = items.sort(dim=1)
    first, last = _ties(ordered.detach())
    d = items.shape[1]
    up_to = torch.nn.functional.pad(ordered.cumsum(dim=1), (1, 0))
    smaller, larger = up_to.gather(1, first - 1), up_to[:, -1:] - up_to.gather(1, last)
    balance = (first - 1 - (d - last)).to(items.dtype)
    return torch.empty_like(ordered).scatter(1, order, (balance * ordered - smaller + larger) / d)


def _some_at_a_time(of_items: Callable[[Tensor], Tensor], items: Float[Tensor, "n d"]) -> Float[Tensor, "n _"]:
    """What a function of each item by itself gives: positions take several times the memory of what they are of."""
    parts = items.split(max(_BLOCK // max(items.shape[1], 1), 1))
    return torch.cat([of_items(part) for part in parts])


def _ties(ordered: Float[Tensor, "n d"]) -> tuple[Int[Tensor, "n d"], Int[Tensor, "n d"]]:
    """The first and the last rank that the features which are equal to one share, from 1 on."""
    n, d = ordered.shape
    ranks = torch.arange(1, d + 1, device=ordered.device).expand(n, d)
    differs = ordered[:, 1:] != ordered[:, :-1]
    edge = differs.new_ones(n, 1)
    first = torch.where(torch.cat([edge, differs], dim=1), ranks, 0).cummax(dim=1).values
    last = torch.where(torch.cat([differs, edge], dim=1), ranks, d).flip(1).cummin(dim=1).values.flip(1)
    return first, last


def median(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The lower median of the features of each item; no gradient."""
    return _some_at_a_time(_median, items.detach())


def _median(items: Tensor) -> Tensor:
    """By sorting, since CUDA has no deterministic one of its own."""
    middle = (items.shape[1] - 1) // 2
    return items.sort(dim=1).values[:, middle : middle + 1].clone()  # no view, which would keep all


@torch.no_grad()
def median_distance(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """Median of the positive distances between two features of each item, 1 if there is none; no gradient.

    By bisection of the bits of a number: those of positive numbers are in their order.
    """
    return _some_at_a_time(_median_distance, items)


def _median_distance(items: Tensor) -> Tensor:
    ordered = items.contiguous().sort(dim=1).values
    d = items.shape[1]
    equal = _pairs_within(ordered, torch.zeros_like(ordered[:, :1]))
    positive = d * (d - 1) // 2 - equal
    whole = torch.int32 if items.dtype == torch.float32 else torch.int64
    high = (ordered[:, -1:] - ordered[:, :1]).view(whole)
    low = torch.zeros_like(high)
    for _ in range(torch.iinfo(whole).bits - 1):
        middle = low + (high - low) // 2
        enough = _pairs_within(ordered, middle.view(items.dtype)) >= equal + (positive + 1) // 2
        low, high = torch.where(enough, low, middle + 1), torch.where(enough, middle, high)
    lower = high.view(items.dtype)
    reached = _pairs_within(ordered, lower) > equal + positive // 2
    upper = torch.where(reached, lower, _next_distance(ordered, lower))
    return torch.where(positive > 0, (lower + upper) / 2.0, 1.0)


def _pairs_within(ordered: Tensor, distance: Tensor) -> Tensor:
    """Pairs of features of each item that are at most so far from each other."""
    places = torch.searchsorted(ordered, ordered + distance, right=True)
    d = ordered.shape[1]
    return places.sum(dim=1, keepdim=True) - d * (d + 1) // 2


def _next_distance(ordered: Tensor, distance: Tensor) -> Tensor:
    """The smallest distance between two features that is larger."""
    places = torch.searchsorted(ordered, ordered + distance, right=True)
    following = ordered.gather(1, places.clamp_max(ordered.shape[1] - 1))
    return torch.where(places < ordered.shape[1], following - ordered, torch.inf).amin(dim=1, keepdim=True)
