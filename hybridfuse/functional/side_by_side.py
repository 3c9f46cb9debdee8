"""Matrices side by side times the transpose of another, never put together, and products of few columns."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import fold
from hybridfuse.functional.differentiable import transforms_active

THIN = 4
"""Columns of a product up to which a processor takes longer for it than for its transpose, or for single columns."""


def times(parts: Sequence[Float[Tensor, "n _"]], inner: Float[Tensor, "r w"]) -> Float[Tensor, "n r"]:
    """[A_1 … A_k] Bᵀ."""
    if _by_torch(parts[0]):
        first, *others = zip(parts, _pieces(inner, parts), strict=True)
        total = first[0] @ first[1].mT
        for part, piece in others:
            total = total + part @ piece.mT
        return total
    return _Times.apply(inner.contiguous(), *parts)  # pyright: ignore[reportReturnType]


def spread(weights: Float[Tensor, "n r"], rows: Float[Tensor, "r d"]) -> Float[Tensor, "n d"]:
    """W R, for few columns of W."""
    if rows.shape[0] > THIN or not weights.is_cpu or (_by_torch(rows) and _by_torch(weights)):
        return weights @ rows
    return _Spread.apply(weights, rows.contiguous())  # pyright: ignore[reportReturnType]


def _by_torch(matrix: Tensor) -> bool:
    """Whether torch's own functions take no longer, or are the only ones that do it."""
    autocast = torch.amp.is_autocast_available(matrix.device.type) and torch.is_autocast_enabled(matrix.device.type)
    return autocast or fold.is_small(matrix) or transforms_active()


def _pieces(inner: Tensor, parts: Sequence[Tensor]) -> Sequence[Tensor]:
    return inner.split([part.shape[1] for part in parts], dim=1)


class _Times(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inner: Tensor, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(inner, *parts)
        thin = len(inner) <= THIN and inner.is_cpu
        sizes = len(inner), len(parts[0])
        total = inner.new_empty(sizes).mT if thin else inner.new_empty(sizes[::-1])
        first, *others = zip(parts, _pieces(inner, parts), strict=True)
        torch.mm(first[0], first[1].mT, out=total)
        for part, piece in others:
            total.addmm_(part, piece.mT)
        return total.contiguous()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        inner, *parts = ctx.saved_tensors
        (grad,), (of_inner, *wanted) = grads, ctx.needs_input_grad
        pieces = _pieces(inner, parts)
        slopes = [spread(grad, piece) if want else None for piece, want in zip(pieces, wanted, strict=True)]
        if not of_inner:
            return None, *slopes
        if torch.is_grad_enabled():
            return torch.cat([grad.mT @ part for part in parts], dim=1), *slopes
        slope = torch.empty_like(inner)
        for part, target in zip(parts, _pieces(slope, parts), strict=True):
            _pool(grad, part, target)
        return slope, *slopes


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(weights, rows)
        result, (first, *others) = weights.new_empty(len(weights), rows.shape[1]), rows
        for some, into in _blocks(weights, result):
            torch.mul(some[:, :1], first, out=into)
            for index, row in enumerate(others, start=1):
                into.addcmul_(some[:, index : index + 1], row)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (weights, rows), (grad,) = ctx.saved_tensors, grads
        of_weights, of_rows = ctx.needs_input_grad
        slope = grad @ rows.mT if of_weights else None
        if not of_rows or torch.is_grad_enabled():
            return slope, weights.mT @ grad if of_rows else None
        return slope, _pool(weights, grad, torch.empty_like(rows))


def _pool(weights: Float[Tensor, "n r"], items: Float[Tensor, "n d"], into: Float[Tensor, "r d"]) -> Tensor:
    """Wᵀ X, which for few rows is slow where X is beyond a cache."""
    if weights.shape[1] > THIN or not items.is_cpu:
        return torch.mm(weights.mT, items, out=into)
    into.zero_()
    for some, block in _blocks(weights, items):
        into.addmm_(some.mT, block)
    return into


def _blocks(weights: Tensor, items: Tensor) -> "zip[tuple[Tensor, Tensor]]":
    rows = fold.block_rows(items)
    return zip(weights.split(rows), items.split(rows), strict=True)
