"""Expansions of items: the columns that a transformation κ makes. Finite, with finite slopes, for any finite items.

Those of single features put the values of each feature side by side, (n, d, k): feature j has columns j k to (j + 1) k.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import precision
from hybridfuse.functional.differentiable import Function

_REACH = 30.0
"""Spacings beyond which a Gaussian is zero in any dtype."""


class _KroneckerPowers(Function):
    """Written side by side, so that no power is there twice; differentiable any number of times."""

    @staticmethod
    def forward(items: Tensor, order: int, most: float) -> Tensor:
        sizes = _sizes(items, order)
        whole = items.new_empty(items.shape[0], sum(sizes))
        powers = whole.split(sizes, dim=1)
        powers[0].copy_(items)
        for before, power in pairwise(powers):
            products = power.unflatten(1, (before.shape[1], items.shape[1]))
            torch.mul(before[:, :, None], items[:, None, :], out=products).clamp_(-most, most)
        return whole

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, float], output: Tensor) -> None:
        items, ctx.order, ctx.most = inputs
        ctx.save_for_backward(items, output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        items, whole = ctx.saved_tensors
        sizes, slope = _sizes(items, ctx.order), torch.zeros_like(items)
        powers, slopes = whole.split(sizes, dim=1), grads[0].split(sizes, dim=1)
        of_power = slopes[-1]
        for before, slope_before in zip(powers[-2::-1], slopes[-2::-1], strict=True):
            products = of_power.unflatten(1, (before.shape[1], items.shape[1]))
            slope = slope + torch.bmm(before[:, None, :], products)[:, 0]
            of_power = slope_before + torch.bmm(products, items[:, :, None])[:, :, 0]
        return (slope + of_power).nan_to_num(0.0).clamp(-ctx.most, ctx.most), None, None


def _sizes(items: Tensor, order: int) -> list[int]:
    return [items.shape[1] ** power for power in range(1, order + 1)]


@precision.full
def _kronecker_powers(items: Tensor, order: int, most: float) -> Tensor:
    return _KroneckerPowers.apply(items, order, most)  # pyright: ignore[reportReturnType]


def kronecker_powers(items: Float[Tensor, "n d"], order: int) -> Float[Tensor, "n p"]:
    r"""$[x, x \otimes x, \ldots]$, products of up to `order` features, at most the largest finite number of the dtype.

    Column $i d + j$ of the second power holds $x_i x_j$.
    """
    return _kronecker_powers(items, order, torch.finfo(items.dtype).max)


@precision.full
def chebyshev(items: Float[Tensor, "n d"], order: int) -> Float[Tensor, "n d k"]:
    r"""$T_1, \ldots, T_q$ of $\tanh(x)$, by $T_{k+1}(t) = 2 t\, T_k(t) - T_{k-1}(t)$."""
    first = items.tanh()
    before, now, polynomials = torch.ones_like(first), first, [first]
    for _ in range(order - 1):
        before, now = now, 2.0 * first * now - before
        polynomials.append(now)
    return torch.stack(polynomials, dim=2)


@precision.full
def fourier(items: Float[Tensor, "n d"], frequencies: int, period: float) -> Float[Tensor, "n d k"]:
    r"""$\cos(2 \pi p x / \lambda), \sin(2 \pi p x / \lambda)$ for $p = 1, \ldots, P$, a cosine before its sine."""
    # What is left of whole periods is exact, so that large items lose no more digits than they have lost already.
    angles = 2.0 * math.pi / period * items.fmod(period)
    multiples = angles[:, :, None] * torch.arange(1, frequencies + 1).to(items)
    return torch.stack([multiples.cos(), multiples.sin()], dim=3).flatten(2)


@precision.full
def bspline(items: Float[Tensor, "n d"], lo: float, hi: float, intervals: int, order: int) -> Float[Tensor, "n d k"]:
    r"""The B-splines of degree `order` on knots $h = (hi - lo) / intervals$ apart, which go on outside [lo, hi]."""
    places = ((items - lo) * (intervals / (hi - lo))).clamp(-order, intervals + order)
    interval = places.detach().floor().nan_to_num(0.0)
    splines = torch.stack(_cox_de_boor(places - interval, order), dim=2)
    # Of `order + 1` in a row, all that are not zero, those beyond the first and the last fall outside what is kept.
    columns = (interval.long() + order)[:, :, None] + torch.arange(order + 1, device=items.device)
    padded = items.new_zeros(*items.shape, intervals + 3 * order + 1)
    return padded.scatter(2, columns, splines)[:, :, order : intervals + 2 * order]


def _cox_de_boor(within: Tensor, order: int) -> list[Tensor]:
    """The splines that are not zero in an interval, by the place in [0, 1] within it, the leftmost first."""
    splines = [torch.ones_like(within)]
    for degree in range(1, order + 1):
        falling = [(index + 1 - within) / degree * spline for index, spline in enumerate(splines)]
        rising = [(within + (degree - 1 - index)) / degree * spline for index, spline in enumerate(splines)]
        splines = [falling[0], *(one + other for one, other in zip(falling[1:], rising, strict=False)), rising[-1]]
    return splines


@precision.full
def gaussian_rbf(items: Float[Tensor, "n d"], lo: float, hi: float, centers: int) -> Float[Tensor, "n d k"]:
    r"""$\exp(-((x - c) / h)^2)$ for centres c in equal steps h from lo to hi."""
    places = ((items - lo) * ((centers - 1) / (hi - lo))).clamp(-_REACH, centers - 1 + _REACH)
    return (places[:, :, None] - torch.arange(centers).to(items)).square().neg().exp()
