"""Scaling that keeps every finite input finite and precise."""

import functools
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.differentiable import Function


def number(value: Float[Tensor, ""]) -> float:
    """What a tensor holds; NaN, which no comparison is true of, where that is unknown.

    So it is on `meta`, under `vmap`, and in a network that is exported.
    """
    if torch.compiler.is_exporting():
        return math.nan
    try:
        return float(value)
    except RuntimeError:
        return math.nan


@functools.cache
def largest(dtype: torch.dtype) -> float:
    """The largest finite number of a dtype."""
    return torch.finfo(dtype).max


def largest_entries(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The largest absolute entry of each item, detached."""
    detached = items.detach()
    return torch.maximum(detached.amax(dim=1, keepdim=True), detached.amin(dim=1, keepdim=True).neg_())


def present(items: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """1 for an item that is not zero, else 0; without a gradient."""
    return (largest_entries(items).squeeze(1) > 0).to(items.dtype)


def magnitude(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The power of two below the largest absolute entry of each item, so that to divide by it rounds nothing.

    1 for an item that is zero, or so small that slopes would overflow. Detached: it only ever divides a quantity
    that does not depend on it.
    """
    largest = largest_entries(items)
    power = torch.ldexp(torch.ones_like(largest), torch.frexp(largest).exponent - 1)
    return torch.where(largest > 1024 * torch.finfo(items.dtype).tiny, power, 1.0)


def bounded(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items shrunk together until the product of two of them is far from overflow; as they are where it is."""
    limit = torch.finfo(items.dtype).max ** 0.5 / 1024
    return items / (common_magnitude(items) / limit).clamp_min(1.0)


def far_from_extremes(squared: Float[Tensor, " n"]) -> bool:
    """Whether squared norms are so far from overflow and underflow that squares of theirs would be numbers."""
    least, most = torch.aminmax(squared)
    room = largest(squared.dtype) ** 0.5
    return number(least) > 1.0 / room and number(most) < room


class _Unit(Function):
    """Differentiable any number of times, from what it is given and what it gives."""

    @staticmethod
    def forward(items: Tensor) -> Tensor:
        squared = torch.linalg.vecdot(items, items)
        if far_from_extremes(squared):
            return items / squared.sqrt_()[:, None]
        scaled = items / magnitude(items)
        norms = torch.linalg.vecdot(scaled, scaled).sqrt_()[:, None]
        return scaled.div_(torch.where(norms > 0, norms, 1.0))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        items, directions = ctx.saved_tensors
        norms = torch.linalg.vecdot(directions, items)[:, None]
        along = torch.linalg.vecdot(directions, grads[0])[:, None]
        return (grads[0] - directions * along) / torch.where(norms > 0, norms, 1.0)


def unit(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items divided by their Euclidean norm; a zero item stays zero."""
    return _Unit.apply(items)  # pyright: ignore[reportReturnType]


def centre(items: Float[Tensor, "n d"], divisor: Tensor | None = None) -> Float[Tensor, "n d"]:
    """Items divided by their magnitude, unless by another one, less their mean; a constant item becomes exactly zero.

    The first feature is subtracted before the mean, so that an offset costs no precision.
    """
    scaled = items / (magnitude(items) if divisor is None else divisor)
    shifted = scaled.sub_(scaled[:, :1].clone())
    return shifted.sub_(shifted.mean(dim=1, keepdim=True))


def common_magnitude(items: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """`magnitude` of all items together, 1 where there is none."""
    if not items.numel():
        return items.new_ones(())
    detached = items.detach()
    return magnitude(torch.maximum(detached.amax(), detached.amin().neg_())[None, None]).squeeze()


def common_unit(items: Float[Tensor, "n d"]) -> float:
    """`common_magnitude` as a number; 1 where it is unknown."""
    detached = items.detach()
    largest = max(number(detached.amax()), -number(detached.amin())) if items.numel() else 0.0
    enough = 1024 * torch.finfo(items.dtype).tiny < largest < math.inf
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if enough else 1.0


def common_divisor(items: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """`common_magnitude`; infinity for items so small that slopes would overflow, which makes zeros of them."""
    enough = items.abs().amax() > 1024 * torch.finfo(items.dtype).tiny
    return torch.where(enough, common_magnitude(items), torch.inf)
