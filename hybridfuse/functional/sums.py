"""Sums of parts: linear ones, of which a gradient needs no entries."""

import math
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

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        """Without a division where that rounds nothing either: by a power of two."""
        share = 1.0 / len(parts)
        if math.frexp(share)[0] != 0.5:
            return super().value(parts, into, traced)
        torch.mul(parts[0], share, out=into)
        for part in parts[1:]:
            into.add_(part, alpha=share)
        return []

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
        (weights, *parts), (grad,), wanted = ctx.saved_tensors, grads, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled() or not grad.is_cpu or not ctx.needs_input_grad[0] or grad.dtype in precision.HALF:
            scaled = [
                grad * weight.to(grad.dtype) if want else None for weight, want in zip(weights, wanted, strict=True)
            ]
            return _along(grad, parts, weights.dtype) if ctx.needs_input_grad[0] else None, *scaled
        targets = [torch.empty_like(part) if want else None for part, want in zip(parts, wanted, strict=True)]
        rows, factors, slopes = fold.block_rows(grad), weights.tolist(), list[Tensor]()
        for start in range(0, len(grad), rows):
            part_of = slice(start, start + rows)
            slopes.append(_along(grad[part_of], [part[part_of] for part in parts], weights.dtype))
            for target, factor in zip(targets, factors, strict=True):
                if target is not None:
                    torch.mul(grad[part_of], factor, out=target[part_of])
        return torch.stack(slopes).sum(dim=0), *targets


def _along(grad: Tensor, parts: Sequence[Tensor], dtype: torch.dtype) -> Float[Tensor, " k"]:
    """The slopes of weights: scalar products, in float32 at least."""
    along = dtype if dtype not in precision.HALF else torch.float32
    wide = grad.to(torch.promote_types(along, grad.dtype)).reshape(-1)
    return torch.stack([wide.dot(part.to(wide.dtype).reshape(-1)) for part in parts]).to(dtype)


def by_rows(weights: Float[Tensor, "k n"], parts: Sequence[Float[Tensor, "n p"]]) -> Float[Tensor, "n p"]:
    r"""$\sum_r w_{ri} a_{r,ij}$ for large dense parts, some rows at a time; no part is scaled by itself."""
    return _ByRows.apply(weights, *parts)  # pyright: ignore[reportReturnType]


class _ByRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(weights, *parts)
        total, rows = torch.empty_like(parts[0]), fold.block_rows(parts[0])
        pieces = zip(*(matrix.split(rows) for matrix in (total, *parts)), strict=True)
        for (into, first, *others), shares in zip(pieces, weights[:, :, None].split(rows, dim=1), strict=True):
            torch.mul(first, shares[0], out=into)
            for other, share in zip(others, shares[1:], strict=True):
                into.addcmul_(other, share)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (weights, *parts), (grad,) = ctx.saved_tensors, grads
        if torch.is_grad_enabled():
            of_weights = torch.stack([(grad * part).sum(dim=1) for part in parts])
            return of_weights, *(grad * share[:, None] for share in weights)
        slopes, rows = [torch.empty_like(part) for part in parts], fold.block_rows(grad)
        of_weights, product = torch.empty_like(weights), torch.empty_like(grad[:rows])
        for start in range(0, len(grad), rows):
            some = slice(start, start + rows)
            for part, share, slope, of_share in zip(parts, weights, slopes, of_weights, strict=True):
                torch.mul(grad[some], share[some, None], out=slope[some])
                piece = torch.mul(grad[some], part[some], out=product[: len(slope[some])])
                torch.sum(piece, dim=1, out=of_share[some])
        return of_weights, *slopes
