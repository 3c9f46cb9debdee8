"""Similarity kernels: of items, or of what is known of each pair of them, inner products or squared distances.

What is made here is changed in place, which automatic differentiation allows: no more than it needs is kept.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn, vmap
from torch.utils.checkpoint import checkpoint

from hybridfuse.functional import layout, pairwise, precision, scale

Pairwise = Callable[[Tensor, Tensor], Tensor]
"""Of two items (d,), a number."""

_BLOCK = 1 << 22
_PANEL = 256


class _InnerProducts(torch.autograd.Function):
    """By half a GEMM that cannot overflow on its way; differentiable, any number of times, from the items alone."""

    @staticmethod
    def forward(items: Tensor) -> Tensor:
        divisor = _divisor(items)
        scaled, products = items / divisor, items.new_empty(len(items), len(items))
        for start in range(0, len(items), _PANEL):
            rows = slice(start, start + _PANEL)
            panel = torch.mm(scaled[rows], items[start:].mT, out=products[rows, start:])
            panel.mul_(divisor[rows]).nan_to_num_(0.0)
        return pairwise.mirrored(products)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (items,) = ctx.saved_tensors
        return torch.addmm(grads[0] @ items, grads[0].mT, items).nan_to_num(0.0)


def _divisor(items: Tensor) -> Tensor:
    """Powers of two (n, 1) by which to divide items, so that an inner product with another one does not overflow."""
    most = math.frexp(torch.finfo(items.dtype).max)[1] - 2
    largest = scale.largest_entries(items)
    exponent = torch.frexp(largest).exponent + (2 * items.shape[1]).bit_length()
    return torch.ldexp(torch.ones_like(largest), exponent.clamp(-most, most))


def inner_products(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$P_{ij} = \langle x_i, x_j \rangle$, at most the largest finite number of the dtype."""
    return _InnerProducts.apply(items)  # pyright: ignore[reportReturnType]


@precision.full
def linear_product(transformed: Float[Tensor, "n e"], items: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """Inner products of the items, applied to others, without the matrix."""
    items = items.to(transformed.dtype)
    return items @ (items.mT @ transformed)


def polynomial(products: Float[Tensor, "n n"], degree: float, shift: float) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = (P_{ij} + c)^q$ of inner products P, at most the largest finite number of the dtype.

    Where the slope of a root or of a reciprocal would be beyond that, it is 0.
    """
    base, largest = products + shift, torch.finfo(products.dtype).max
    _check_powers(base, degree)
    if degree >= 1:
        limit = largest ** (1.0 / degree) * (1.0 - 4.0 * torch.finfo(products.dtype).eps)
        base = base.clamp_(-limit, limit)
        return base if degree == 1 else base.pow_(degree)
    least = max((largest * 2.0**-20) ** (1.0 / (degree - 1.0)), torch.finfo(products.dtype).tiny)
    steep = base.detach().abs() < least
    flat = base.detach().pow(degree).nan_to_num_(0.0)
    return torch.where(steep, flat, torch.where(steep, 1.0, base).pow_(degree))


def _check_powers(base: Tensor, degree: float) -> None:
    if degree < 0 and bool((base == 0).any()):
        raise ValueError(f"degree must be >= 0 where an inner product plus shift is 0, got {degree}.")
    if degree % 1 and bool((base < 0).any()):
        raise ValueError(f"degree must be a whole number where an inner product plus shift is < 0, got {degree}.")


def hyperbolic_tangent(products: Float[Tensor, "n n"], slope: float, shift: float) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \tanh(\alpha P_{ij} + c)$ of inner products P."""
    return (products * slope).add_(shift).tanh_()


def cosine_similarity(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \langle x_i, x_j \rangle / (\|x_i\|_2 \|x_j\|_2)$, 0 where an item is zero."""
    unit = scale.unit(items)
    present = scale.largest_entries(items).squeeze(1) > 0
    return _bounded(unit @ unit.mT, present.to(items.dtype))


def cosine_of_products(products: Float[Tensor, "n n"], present: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """The same from inner products, and 1 for an item that is not zero, 0 for one that is."""
    squared = products.diagonal()
    norms = torch.where(squared > 0, squared, 1.0).sqrt()
    return _bounded(products / (norms[:, None] * norms), present)


def _bounded(matrix: Tensor, diagonal: Tensor) -> Tensor:
    """Rounding beyond ±1 removed in place, where it is no matter of the gradient, and the diagonal set."""
    with torch.no_grad():
        matrix.clamp_(-1.0, 1.0)
    matrix.diagonal().copy_(diagonal)
    return matrix


def exponential(squared: Float[Tensor, "n n"], gamma: float | Tensor) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \exp(-\gamma D_{ij})$ of squared distances D."""
    return (squared * -gamma).exp_()


def gaussian_rbf(squared: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \exp(-D_{ij} / 2)$ of squared distances D in multiples of sigma."""
    return exponential(squared, 0.5)


def matern(squared: Float[Tensor, "n n"], order: int) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = p_q(t) e^{-t}, t^2 = (2 q + 1) D_{ij}$ of squared distances D in multiples of sigma, for the order q.

    $p_0 = 1, p_1 = 1 + t, p_2 = 1 + t + t^2 / 3$; smoothness is q + 1/2.
    """
    return _matern(squared, order, 2.0 * order + 1.0)


def _matern(squared: Tensor, order: int, factor: float) -> Tensor:
    if order:
        return _Matern.apply(squared, order, factor)  # pyright: ignore[reportReturnType]
    apart = squared > 0
    roots = torch.where(apart, squared, 1.0).mul_(factor).sqrt_()
    return torch.where(apart, roots, 0.0).neg_().exp_()


class _Matern(torch.autograd.Function):
    """The slope towards t² is a multiple of the order below, so that no root of 0 is differentiated."""

    @staticmethod
    def forward(squared: Tensor, order: int, factor: float) -> Tensor:
        root = squared.mul(factor).sqrt_().clamp_max_(1e3)
        decay = root.neg().exp_()
        polynomial = root if order == 1 else root.addcmul_(root, root, value=1.0 / 3.0)
        return decay.addcmul_(decay, polynomial)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, float], output: Tensor) -> None:
        squared, ctx.order, ctx.factor = inputs
        ctx.save_for_backward(squared)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (squared,) = ctx.saved_tensors
        slope = _matern(squared, ctx.order - 1, ctx.factor)
        return grads[0] * slope * (ctx.factor / (-2.0 if ctx.order == 1 else -6.0)), None, None


@precision.full
def of_pairs(items: Float[Tensor, "n d"], function: Pairwise, symmetric: bool) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = f(x_i, x_j)$, some rows at a time; what a block needs for its gradient is computed again."""
    against = vmap(vmap(function, (None, 0)), (0, None))
    size = max(_BLOCK // max(items.numel(), 1), 1)

    def rows(start: int) -> Tensor:
        block = against(items[start : start + size], items[start if symmetric else 0 :])
        if block.ndim != 2:
            raise ValueError(f"function must give one number for two items, got {tuple(block.shape[2:])}.")
        return nn.functional.pad(block, (start, 0)) if symmetric else block

    parts = [checkpoint(rows, start, use_reentrant=False) for start in range(0, len(items), size)]
    whole = torch.cat(parts)
    return whole.triu() + whole.triu(1).mT if symmetric else whole


def mixture(matrices: Sequence[Tensor], weights: Sequence[float]) -> Float[Tensor, "n p"]:
    r"""$\sum_r v_r A_r$ of matrices of one shape, sparse if all are."""

    def total(parts: Sequence[Tensor]) -> Tensor:
        result = parts[0] * weights[0]
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            result.add_(part, alpha=weight)
        return result

    if all(map(layout.is_sparse, matrices)):
        return layout.reduce_union(matrices, total)
    return total([layout.dense(matrix) for matrix in matrices])


def median_distance(distances: Float[Tensor, "n n"], power: int = 1) -> Float[Tensor, ""]:
    """Median of the positive distances between two items, of which the powers are given; detached, 1 if there is none.

    References: Garreau, Jitkrittum, Kanagawa (2017), Large sample analysis of the median heuristic.
    """
    # Each stands there twice, so their lower and upper median are those of the pairs.
    positive = torch.where(distances.detach() > 0, distances.detach(), torch.nan)
    lower, upper = positive.nanmedian(), -positive.neg_().nanmedian()
    middle = 0.5 * lower ** (1.0 / power) + 0.5 * upper ** (1.0 / power)
    return torch.where(middle > 0, middle, 1.0).clamp_max(torch.finfo(distances.dtype).max)
