"""Products of parts, and the means that products and inverses give."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from hybridfuse.functional import temporary
from hybridfuse.functional.reduction import Rule


class Product(Rule):
    r"""$\prod_i a_i$; slopes are products of the others, so that zeros need no care."""

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [into.copy_(part)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        state[0].mul_(part)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        before = [grad]
        for part in parts[:-1]:
            before.append(before[-1] * part)
        slopes, after = [before[-1]], parts[-1]
        for index in range(count - 2, -1, -1):
            slopes.append(before[index] * after)
            after = after * parts[index]
        return slopes[::-1]

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        if not temporary.normal(result):
            super().write_slopes(grad, result, parts, trace, targets)
            return
        for part, target in temporary.wanted(parts, targets):
            torch.div(result, part, out=target).mul_(grad)


TOGETHER = 4
"""Numbers of which one logarithm is taken."""


class GeometricMean(Rule):
    r"""$\operatorname{sgn}(\prod_i a_i) \prod_i |a_i|^{1/k}$; the slope of what is zero is 0.

    The slope is infinite towards zero; it is cut at the root of the largest number.
    """

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [torch.log(self._size(part), out=into), part.sign()]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(self._size(part).log_())
        state[1].mul_(part.sign())

    def finish(self, state: Sequence[Tensor], count: int) -> None:
        state[0].div_(count).exp_().mul_(state[1])

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        """A logarithm takes ten times as long as a product: one of several moderate numbers is taken at once."""
        bound = torch.finfo(into.dtype).max ** (1.0 / (TOGETHER + 1))
        if not all(temporary.within(part, 1.0 / bound, bound) for part in parts):
            return super().value(parts, into, traced)
        groups = (parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER))
        into.copy_(temporary.added(_logarithm(group) for group in groups))
        into.div_(len(parts)).exp_()
        return []

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        steepest, root = torch.finfo(grad.dtype).max ** 0.5, result / count
        for part in parts:
            if torch.is_grad_enabled():
                slope = (root / part.masked_fill(part == 0, torch.inf)).clamp(-steepest, steepest)
            else:
                slope = (root / part).nan_to_num_(nan=0.0).clamp_(-steepest, steepest)
            yield temporary.times(slope, grad)

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        if not temporary.normal(result):
            super().write_slopes(grad, result, parts, trace, targets)
            return
        steepest, root = torch.finfo(grad.dtype).max ** 0.5, result / len(targets)
        for part, target in temporary.wanted(parts, targets):
            torch.div(root, part, out=target).clamp_(-steepest, steepest).mul_(grad)

    @staticmethod
    def _size(part: Tensor) -> Tensor:
        """The smallest number for zero, of which a logarithm takes a tenth of the time; there is no sign then."""
        limits = torch.finfo(part.dtype)
        return part.abs().clamp_min_(limits.tiny * limits.eps)


def _logarithm(parts: Sequence[Tensor]) -> Tensor:
    """Of a product."""
    product = parts[0].clone()
    for part in parts[1:]:
        product.mul_(part)
    return product.log_()


class HarmonicMean(Rule):
    r"""$k / \sum_i a_i^{-1}$; 0 where one number is, or where the inverses cancel.

    Numbers that are zero share the slope that numbers near zero have. What is so small that inverses overflow is zero.
    """

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [torch.reciprocal(part, out=into)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        state[0].add_(part.reciprocal())

    def finish(self, state: Sequence[Tensor], count: int) -> None:
        """What is divided by itself is 1; where it is zero or infinite, nothing, and so is the mean."""
        total, largest = state[0], torch.finfo(state[0].dtype).max
        mean = total.reciprocal().mul_(count)
        if not mean.is_cpu or torch.compiler.is_exporting() or not mean.sum().isfinite():
            mean.clamp_(-largest, largest).mul_(total / total).nan_to_num_(nan=0.0)
        total.copy_(mean)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        share = grad / count
        zeros = temporary.added(self._absent(part) for part in parts)
        of_zeros = count / zeros.clamp_min_(1.0)
        return (self._ratio(part, result, of_zeros).square().mul(share) for part in parts)

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        if not temporary.normal(result):
            super().write_slopes(grad, result, parts, trace, targets)
            return
        share = grad / len(targets)
        for part, target in temporary.wanted(parts, targets):
            torch.div(result, part, out=target).square_().mul_(share)

    def _ratio(self, part: Tensor, result: Tensor, of_zeros: Tensor) -> Tensor:
        """The result relative to a part, of which the limit is known where that is zero."""
        zero = self._absent(part)
        return torch.addcmul(result / (part + zero), of_zeros, zero)

    @staticmethod
    def _absent(part: Tensor) -> Tensor:
        """Of a thousand others, the inverses are within the range."""
        return temporary.indicator(torch.lt, part.detach().abs(), 1024 * torch.finfo(part.dtype).tiny)
