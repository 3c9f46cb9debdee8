"""Reductions of parts, place by place: what each knows after a part, its result and its slopes."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import fold, precision
from hybridfuse.functional.fold import Computed, Reduction, Rule

SMALL = 2.0**-10
"""What means are summed in units of, so that huge numbers do not overflow; a power of two rounds nothing."""


class Total(Rule):
    r"""$\sum_i a_i$"""

    keeps = False

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.clone()]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        return [grad] * count


class Weighted(Rule):
    r"""$\sum_i w_i a_i$ for weights without a gradient."""

    keeps = False

    def __init__(self, weights: Float[Tensor, " k"]) -> None:
        on_processor = weights.device.type == "cpu"
        self.weights = weights.detach().tolist() if on_processor else weights.detach().unbind()

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part * self.weights[0]]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        weight = self.weights[index]
        if isinstance(weight, Tensor):
            state[0].addcmul_(part, weight.to(part.dtype))
        else:
            state[0].add_(part, alpha=weight)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        return [grad * weight for weight in self.weights]


class Average(Rule):
    r"""$\frac{1}{k} \sum_i a_i$"""

    keeps = False

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part * SMALL]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part, alpha=SMALL)

    def finish(self, state: list[Tensor], count: int) -> Tensor:
        return state[0].div_(count * SMALL)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        return [grad / count] * count


class Extreme(Rule):
    """The largest number, or the smallest; where several are, they share the slope.

    Which ones are is kept as a bit for each part.
    """

    keeps = False

    def __init__(self, largest: bool) -> None:
        self.largest = largest

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.clone(), *([torch.ones_like(part, dtype=torch.uint8)] if traced else [])]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        known, *words = state
        if words:
            stays, ties = (part <= known, part >= known) if self.largest else (part >= known, part <= known)
            for word in words:
                word.mul_(stays.view(torch.uint8))
            if index % 8 == 0:
                state.append(ties.view(torch.uint8))
            else:
                words[-1].add_(ties.view(torch.uint8), alpha=1 << index % 8)
        (torch.maximum if self.largest else torch.minimum)(known, part, out=known)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        chosen = [trace[index // 8].bitwise_and(1 << index % 8).ne(0) for index in range(count)]
        share = grad / counted(chosen).to(grad.dtype).clamp_min_(1.0)
        return [torch.where(one, share, 0.0) for one in chosen]


class Product(Rule):
    r"""$\prod_i a_i$; slopes are products of the others, so that zeros need no care."""

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.clone()]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].mul_(part)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        before = [grad]
        for part in parts[:-1]:
            before.append(before[-1] * part)
        slopes, after = [before[-1]], parts[-1]
        for index in range(count - 2, -1, -1):
            slopes.append(before[index] * after)
            after = after * parts[index]
        return slopes[::-1]


class AbsoluteSum(Rule):
    r"""$\sum_i |a_i|$; the slope at zero is 0."""

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.abs()]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part.abs())

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        return [grad * part.sign() for part in parts]


class EuclideanNorm(Rule):
    r"""$\sqrt{\sum_i a_i^2}$ without overflow of squares; the slope where all are zero is 0."""

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.abs()]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].hypot_(part)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        norm = torch.where(result > 0, result, 1.0)
        return [part / norm * grad for part in parts]


class GeometricMean(Rule):
    r"""$\operatorname{sgn}(\prod_i a_i) \prod_i |a_i|^{1/k}$; the slope of what is zero is 0.

    The slope is infinite towards zero; it is cut at the root of the largest number.
    """

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.abs().log_(), part < 0]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part.abs().log_())
        state[1].logical_xor_(part < 0)

    def finish(self, state: list[Tensor], count: int) -> Tensor:
        mean = (state[0] / count).exp_()
        return torch.where(state[1], -mean, mean)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        steepest, root, slopes = torch.finfo(grad.dtype).max ** 0.5, result / count, list[Tensor]()
        for part in parts:
            slope = (root / _without_zeros(part)).nan_to_num(nan=0.0).clamp(-steepest, steepest)
            slopes.append(slope * grad)
        return slopes


class HarmonicMean(Rule):
    r"""$k / \sum_i a_i^{-1}$; 0 where one number is, or where the inverses cancel.

    Numbers that are zero share the slope that numbers near zero have. What is so small that inverses overflow is zero.
    """

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.reciprocal(), part.abs()]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        total, smallest = state
        total.add_(part.reciprocal())
        torch.minimum(smallest, part.abs(), out=smallest)

    def finish(self, state: list[Tensor], count: int) -> Tensor:
        total, smallest = state
        absent, largest = self._absent(smallest).logical_or_(total == 0), torch.finfo(total.dtype).max
        return (count / total).clamp_(-largest, largest).masked_fill_(absent, 0.0)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        absent = [self._absent(part.abs()) for part in parts]
        of_zeros, share = count / counted(absent).to(grad.dtype).clamp_min_(1.0), grad / count
        ratios = [
            torch.where(one, of_zeros, result / (part.masked_fill(one, 1.0) if torch.is_grad_enabled() else part))
            for part, one in zip(parts, absent, strict=True)
        ]
        return [ratio * ratio * share for ratio in ratios]

    @staticmethod
    def _absent(sizes: Tensor) -> Tensor:
        """Of a thousand others, the inverses are within the range."""
        return sizes < 1024 * torch.finfo(sizes.dtype).tiny


class LogSumExp(Rule):
    r"""$T \log \sum_i \exp(a_i / T)$"""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        return [part.clone(), torch.ones_like(part)]

    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        largest, total = state
        apart = (part - largest).div_(self._unit(part))
        less = apart.abs().neg_().exp_()
        higher = apart > 0
        total.copy_(torch.where(higher, total * less + 1.0, total + less))
        torch.maximum(largest, part, out=largest)

    def finish(self, state: list[Tensor], count: int) -> Tensor:
        largest, total = state
        return largest + total.log() * self._unit(total)

    def value(self, parts: Sequence[Tensor], traced: bool) -> Computed:
        largest = Extreme(largest=True).value(parts, traced=False)[0]
        unit, total = self._unit(largest), torch.zeros_like(largest)
        for part in parts:
            total.add_((part - largest).div_(unit).exp_())
        return largest + total.log_().mul_(unit), []

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        stack = torch.stack(list(parts))
        shares = ((stack - stack.detach().amax(dim=0)) / self._unit(stack)).softmax(dim=0)
        return [share * grad for share in shares]

    def _unit(self, part: Tensor) -> float:
        return max(self.temperature, torch.finfo(part.dtype).tiny)


class Middle(Reduction):
    """The mean of the numbers from one rank to another, both of them among it; equal numbers share a slope."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def value(self, parts: Sequence[Tensor], traced: bool) -> Computed:
        ranked = list(parts)
        for low, high in comparators(len(parts), range(self.first, self.last + 1)):
            one, other = ranked[low], ranked[high]
            ranked[low], ranked[high] = torch.minimum(one, other), torch.maximum(one, other)
        chosen = ranked[self.first : self.last + 1]
        mean = Average().value(chosen, traced=False)[0]
        return mean, ([chosen[0], chosen[-1]] if traced else [])

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        low, high = trace
        at_low, at_high = [part == low for part in parts], [part == high for part in parts]
        lows, highs = (counted(some).to(grad.dtype) for some in (at_low, at_high))
        below, above = (
            counted(some).to(grad.dtype) for some in ([part < low for part in parts], [part > high for part in parts])
        )
        inner = grad / (self.last + 1 - self.first)
        of_low = inner * ((below + lows).clamp_max(self.last + 1) - self.first) / lows.clamp_min(1.0)
        of_high = inner * (self.last + 1 - (count - above - highs).clamp_min(self.first)) / highs.clamp_min(1.0)
        slopes: list[Tensor] = []
        for part, is_low, is_high in zip(parts, at_low, at_high, strict=True):
            middle = torch.where((part > low) & (part < high), inner, 0.0) if self.last - self.first > 1 else 0.0
            slopes.append(torch.where(is_low, of_low, torch.where(is_high, of_high, middle)))
        return slopes


def counted(masks: Sequence[Tensor]) -> Tensor:
    """How many of some masks are true at each place."""
    if len(masks) > 255:
        return torch.stack(list(masks)).sum(dim=0)
    count = masks[0].to(torch.uint8)
    for mask in masks[1:]:
        count.add_(mask.view(torch.uint8))
    return count


def _without_zeros(part: Tensor) -> Tensor:
    """What may be divided by; second derivatives are taken of it, first ones mend what zeros do."""
    return part.masked_fill(part == 0, torch.inf) if torch.is_grad_enabled() else part


def comparators(count: int, ranks: range) -> list[tuple[int, int]]:
    """Pairs of places to be put in order, one after the other, so that those of some ranks hold what they should.

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
    needed, kept = set(ranks), list[tuple[int, int]]()
    for pair in reversed(pairs):
        if needed.intersection(pair):
            needed.update(pair)
            kept.append(pair)
    return kept[::-1]


def weighted(weights: Float[Tensor, " k"], parts: Sequence[Tensor]) -> Tensor:
    r"""$\sum_i w_i a_i$ for weights that may have a gradient, and parts of one shape and dtype."""
    if torch.is_grad_enabled() and weights.requires_grad:
        return _Weighted.apply(weights, *parts)  # pyright: ignore[reportReturnType]
    return fold.reduced(Weighted(weights), parts)


class _Weighted(torch.autograd.Function):
    """A weighted sum that keeps nothing but what it is of; the slope of a weight is a scalar product."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(weights, *parts)
        return fold.reduced(Weighted(weights), parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weights, *parts = ctx.saved_tensors
        (grad,), wanted = grads, ctx.needs_input_grad[1:]
        along = weights.dtype if weights.dtype not in precision.HALF else torch.float32
        wide = grad.to(torch.promote_types(along, grad.dtype)).reshape(-1)
        slopes = torch.stack([wide.dot(part.to(wide.dtype).reshape(-1)) for part in parts])
        of_parts = [
            grad * weight.to(grad.dtype) if want else None for weight, want in zip(weights, wanted, strict=True)
        ]
        return slopes.to(weights.dtype), *of_parts
