"""Norms of the numbers that parts have at each place."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from hybridfuse.functional import temporary
from hybridfuse.functional.reduction import Rule


class AbsoluteSum(Rule):
    r"""$\sum_i |a_i|$; the slope at zero is 0."""

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [torch.abs(part, out=into)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part.abs())

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        return (temporary.times(part.sign(), grad) for part in parts)

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        for part, target in temporary.wanted(parts, targets):
            torch.sign(part, out=target).mul_(grad)


class EuclideanNorm(Rule):
    r"""$\sqrt{\sum_i a_i^2}$ without overflow of squares; the slope where all are zero is 0."""

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [torch.abs(part, out=into)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        state[0].hypot_(part)

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        """By the squares, unless one is beyond what they hold: then in units of the largest one.

        Both take less time than `hypot`.
        """
        total, limits = parts[0].square(), torch.finfo(into.dtype)
        for part in parts[1:]:
            total.addcmul_(part, part)
        if temporary.within(total, limits.tiny / limits.eps**2, limits.max):
            torch.sqrt(total, out=into)
            return []
        unit = parts[0].abs()
        for part in parts[1:]:
            torch.maximum(unit, part.abs(), out=unit)
        unit.clamp_min_(torch.finfo(unit.dtype).tiny)
        total.zero_()
        for part in parts:
            ratio = part / unit
            total.addcmul_(ratio, ratio)
        torch.mul(total.sqrt_(), unit, out=into)
        return []

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        norm = result + temporary.indicator(torch.eq, result, 0.0)
        return (temporary.times(part / norm, grad) for part in parts)

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        norm = result + temporary.indicator(torch.eq, result, 0.0)
        for part, target in temporary.wanted(parts, targets):
            torch.div(part, norm, out=target).mul_(grad)
