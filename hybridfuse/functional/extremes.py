"""The largest and the smallest of the numbers that parts have at each place."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from hybridfuse.functional import temporary
from hybridfuse.functional.reduction import Rule

BITS = 8
"""Parts that a word of a trace tells of."""


class Extreme(Rule):
    """The largest number, or the smallest; where several are, they share the slope.

    Which ones are is kept as a bit for each part.
    """

    keeps = False

    def __init__(self, largest: bool) -> None:
        self._beyond = torch.maximum if largest else torch.minimum
        self._reaches, self._exceeded = (torch.ge, torch.le) if largest else (torch.le, torch.ge)

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [into.copy_(part), *([torch.ones_like(part, dtype=torch.uint8)] if traced else [])]

    def extend(self, state: list[Tensor], index: int) -> None:
        if len(state) > 1 and index % BITS == 0:
            state.append(torch.zeros_like(state[1]))

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        known, *words = state
        if words:
            stays = temporary.indicator(self._exceeded, part, known).to(torch.uint8)
            for word in words:
                word.mul_(stays)
            ties = temporary.indicator(self._reaches, part, known).to(torch.uint8)
            words[-1].add_(ties, alpha=1 << index % BITS)
        self._beyond(known, part, out=known)

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        """A second pass tells which parts it is."""
        self._beyond(parts[0], parts[-1], out=into)
        for part in parts[1:-1]:
            self._beyond(into, part, out=into)
        starts = range(0, len(parts), BITS) if traced else ()
        return [self._word(into, parts[start : start + BITS]) for start in starts]

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        used = [range(min(BITS, count - BITS * index)) for index in range(len(trace))]
        numbers = (temporary.added(_bit(word, bit) for bit in bits) for word, bits in zip(trace, used, strict=True))
        share = grad / temporary.added(number.to(grad.dtype) for number in numbers).clamp_min_(1.0)
        return (
            temporary.times(_bit(trace[index // BITS], index % BITS).to(grad.dtype), share) for index in range(count)
        )

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        if _shared(trace):
            super().write_slopes(grad, result, parts, trace, targets)
            return
        bit = torch.empty_like(trace[0])
        for index, target in enumerate(targets):
            if target is not None:
                torch.eq(trace[index // BITS], 1 << index % BITS, out=bit)
                target.copy_(bit).mul_(grad)

    @staticmethod
    def _word(result: Tensor, parts: Sequence[Tensor]) -> Tensor:
        bits = [1 << index for index in range(len(parts))]
        return temporary.weighed(torch.eq, parts, result, bits).to(torch.uint8)


def _shared(words: Sequence[Tensor]) -> bool:
    """Whether there is a place with several bits."""
    seen, *others = words
    for word in others:
        if (seen & word).max():
            return True
        seen = seen | word
    return bool((seen & (seen - 1)).max())


def _bit(word: Tensor, index: int) -> Tensor:
    return (word >> index).bitwise_and_(1)


class LogSumExp(Rule):
    r"""$T \log \sum_i \exp(a_i / T)$"""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [into.copy_(part), torch.ones_like(part)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        largest, total = state
        less = (part - largest).abs_().neg_().div_(self._unit(part)).exp_()
        higher = temporary.indicator(torch.gt, part, largest)
        torch.lerp(total + less, (total * less).add_(1.0), higher, out=total)
        torch.maximum(largest, part, out=largest)

    def finish(self, state: Sequence[Tensor], count: int) -> None:
        largest, total = state
        largest.add_(total.log().mul_(self._unit(total)))

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        largest = self._largest(parts)
        total = temporary.added(self._power(part, largest) for part in parts)
        torch.add(total.log_().mul_(self._unit(total)), largest, out=into)
        return []

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        largest = self._largest(parts)
        share = grad / temporary.added(self._power(part, largest) for part in parts)
        return (temporary.times(self._power(part, largest), share) for part in parts)

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        """Powers are computed once, where the slopes are to be."""
        largest = self._largest(parts)
        into = [torch.empty_like(grad) if target is None else target for target in targets]
        for part, power in zip(parts, into, strict=True):
            self._power(part, largest, power)
        share = grad / temporary.added([into[0].clone(), *into[1:]])
        for power in into:
            power.mul_(share)

    @staticmethod
    def _largest(parts: Sequence[Tensor]) -> Tensor:
        largest = torch.empty_like(parts[0])
        with torch.no_grad():
            Extreme(largest=True).value(parts, largest, traced=False)
        return largest

    def _power(self, part: Tensor, largest: Tensor, into: Tensor | None = None) -> Tensor:
        """Of a number relative to the largest one; not above 1."""
        apart, unit = torch.sub(part, largest, out=into), self._unit(part)
        return (apart if unit == 1.0 else apart.div_(unit)).exp_()

    def _unit(self, part: Tensor) -> float:
        return max(self.temperature, torch.finfo(part.dtype).tiny)
