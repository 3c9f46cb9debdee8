"""Sums of parts: linear ones, of which a gradient needs no entries."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import fold, precision
from hybridfuse.functional.reduction import Linear

SMALL = 2.0**-10
"""What means are summed in units of, so that huge numbers do not overflow; a power of two rounds nothing."""


class Total(Linear):
    r"""$\sum_i a_i$"""

    def factor(self, index: int) -> float:
        return 1.0

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [into.copy_(part)]

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        return [grad] * count


class Weighted(Linear):
    r"""$\sum_i w_i a_i$ for weights without a gradient."""

    def __init__(self, weights: Float[Tensor, " k"]) -> None:
        on_processor = weights.device.type == "cpu" and not torch.compiler.is_exporting()
        self.weights = weights.detach().tolist() if on_processor else weights.detach().unbind()

    def factor(self, index: int) -> float | Tensor:
        return self.weights[index]


class Average(Linear):
    r"""$\frac{1}{k} \sum_i a_i$"""

    def factor(self, index: int) -> float:
        return SMALL

    def divisor(self, count: int) -> float:
        return count * SMALL

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        return [grad / count] * count


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
        of_parts = [
            grad * weight.to(grad.dtype) if want else None for weight, want in zip(weights, wanted, strict=True)
        ]
        if not ctx.needs_input_grad[0]:
            return None, *of_parts
        along = weights.dtype if weights.dtype not in precision.HALF else torch.float32
        wide = grad.to(torch.promote_types(along, grad.dtype)).reshape(-1)
        slopes = torch.stack([wide.dot(part.to(wide.dtype).reshape(-1)) for part in parts])
        return slopes.to(weights.dtype), *of_parts
