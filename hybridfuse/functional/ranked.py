"""Means of the numbers from one rank to another: medians and trimmed means."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from hybridfuse.functional import temporary
from hybridfuse.functional.reduction import Reduction
from hybridfuse.functional.sums import Average


class Middle(Reduction):
    """The mean of the numbers from one rank to another, both of them among it; equal numbers share a slope."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        ranked = list(parts)
        for low, high, kept in comparators(len(parts), range(self.first, self.last + 1)):
            one, other = ranked[low], ranked[high]
            if low in kept:
                ranked[low] = torch.minimum(one, other)
            if high in kept:
                ranked[high] = torch.maximum(one, other)
        chosen = ranked[self.first : self.last + 1]
        Average().value(chosen, into, traced=False)
        return [chosen[0], chosen[-1]] if traced else []

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        (low, high), inner = trace, grad / (self.last + 1 - self.first)
        of_low, of_high = inner * self._low_share(parts, low), inner * self._high_share(parts, low, high)
        for part in parts:
            slope = of_low * temporary.indicator(torch.eq, part, low)
            if self.last > self.first:
                slope = slope + of_high * temporary.indicator(torch.eq, part, high)
            if self.last > self.first + 1:
                between = temporary.indicator(torch.gt, part, low).mul_(temporary.indicator(torch.lt, part, high))
                slope = slope + inner * between
            yield slope

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        """Where the numbers between the two ends are as many as the ranks, none of them is left out for a tie."""
        (low, high), ranks = trace, float(self.last + 1 - self.first)
        into = [torch.empty_like(grad) if target is None else target for target in targets]
        for part, inside in zip(parts, into, strict=True):
            bounded = low if ranks == 1 else torch.minimum(torch.maximum(part, low, out=inside), high, out=inside)
            torch.eq(part, bounded, out=inside)
        if not temporary.within(temporary.added([into[0].clone(), *into[1:]]), ranks, ranks):
            super().write_slopes(grad, result, parts, trace, targets)
            return
        inner = grad / ranks
        for inside in into:
            inside.mul_(inner)

    def _low_share(self, parts: Sequence[Tensor], low: Tensor) -> Tensor:
        """How many of the ranks numbers equal to the lowest have, for each of them."""
        below, equal = temporary.counted(torch.lt, parts, low), temporary.counted(torch.eq, parts, low)
        return below.add_(equal).clamp_max_(self.last + 1).sub_(self.first).div_(equal.clamp_min_(1.0))

    def _high_share(self, parts: Sequence[Tensor], low: Tensor, high: Tensor) -> Tensor:
        """The same for the highest; nothing where it is the lowest, too."""
        least, equal = temporary.counted(torch.lt, parts, high), temporary.counted(torch.eq, parts, high)
        share = least.clamp_min_(self.first).neg_().add_(self.last + 1).div_(equal.clamp_min_(1.0))
        return share.mul_(temporary.indicator(torch.lt, low, high))


def comparators(count: int, ranks: range) -> list[tuple[int, int, set[int]]]:
    """Pairs of places to be put in order, one after the other, so that those of some ranks hold what they should; and
    which of both matter afterwards.

    Merge exchange (Knuth, The Art of Computer Programming 5.2.2, algorithm M), without what the ranks do not need.
    """
    pairs: list[tuple[int, int]] = []
    power = 1 << max(count - 1, 0).bit_length() >> 1
    step = power
    while step:
        apart, offset, wide = step, 0, power
        while apart:
            pairs += [(i, i + apart) for i in range(count - apart) if i & step == offset]
            apart, offset, wide = wide - step, step, wide >> 1
        step >>= 1
    needed, chosen = set(ranks), list[tuple[int, int, set[int]]]()
    for pair in reversed(pairs):
        if kept := needed.intersection(pair):
            needed.update(pair)
            chosen.append((*pair, kept))
    return chosen[::-1]
