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

from hybridfuse.functional import csr, layout, precision, scale
from hybridfuse.functional.differentiable import Function
from hybridfuse.functional.pairs import ALL, Pairs

Pairwise = Callable[[Tensor, Tensor], Tensor]
"""Of two items (d,), a number."""

_BLOCK = 1 << 20


@precision.full
def linear_product(transformed: Float[Tensor, "n e"], items: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
    """Inner products of the items, applied to others, without the matrix."""
    items = items.to(transformed.dtype)
    return items @ (items.mT @ transformed)


def polynomial(products: Float[Tensor, "*pairs"], degree: float, shift: float) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = (P_{ij} + c)^q$ of inner products P, at most the largest finite number of the dtype.

    Where the slope of a root or of a reciprocal would be beyond that, it is 0.
    """
    if (degree, shift) == (1, 0):
        return products
    base, largest = products + shift, torch.finfo(products.dtype).max
    _check_powers(base, degree)
    if degree >= 1:
        limit = largest ** (1.0 / degree) * (1.0 - 4.0 * torch.finfo(products.dtype).eps)
        base = base.clamp_(-limit, limit)
        return base if degree == 1 else base.pow_(degree)
    least = max((largest * 2.0**-20) ** (1.0 / (degree - 1.0)), torch.finfo(products.dtype).tiny)
    steep = base.detach().abs() < least
    flat = base.detach().pow(degree).nan_to_num_()
    return torch.where(steep, flat, torch.where(steep, 1.0, base).pow_(degree))


def _check_powers(base: Tensor, degree: float) -> None:
    if degree < 0 and bool((base == 0).any()):
        raise ValueError(f"degree must be >= 0 where an inner product plus shift is 0, got {degree}.")
    if degree % 1 and bool((base < 0).any()):
        raise ValueError(f"degree must be a whole number where an inner product plus shift is < 0, got {degree}.")


def hyperbolic_tangent(products: Float[Tensor, "*pairs"], slope: float, shift: float) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = \tanh(\alpha P_{ij} + c)$ of inner products P."""
    exponents = products if slope == 1 else products * slope
    exponents = exponents if shift == 0 else exponents + shift
    return exponents.tanh()


def cosine_similarity(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = \langle x_i, x_j \rangle / (\|x_i\|_2 \|x_j\|_2)$, 0 where an item is zero."""
    return pairs.cosines(scale.unit(items), items)


def cosine_of_products(products: Float[Tensor, "n n"], present: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    """The same from inner products, and 1 for an item that is not zero, 0 for one that is."""
    squared = products.diagonal()
    norms = torch.where(squared > 0, squared, 1.0).sqrt()
    cosines = products / (norms[:, None] * norms)
    with torch.no_grad():  # rounding is no matter of the gradient
        cosines.clamp_(-1.0, 1.0)
    cosines.diagonal().copy_(present)
    return cosines


def exponential(squared: Float[Tensor, "*pairs"], gamma: float | Tensor) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = \exp(-\gamma D_{ij})$ of squared distances D."""
    return _Decay.apply(squared * gamma)  # pyright: ignore[reportReturnType]


class _Decay(Function):
    """exp(-t), in the place of t."""

    @staticmethod
    def forward(exponents: Tensor) -> Tensor:
        return _decayed(exponents)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.mark_dirty(*inputs)
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return -grads[0] * ctx.saved_tensors[0]


def _decayed(exponents: Tensor) -> Tensor:
    """exp(-t) in place; 0 where it would underflow, which takes torch.exp a hundred times as long."""
    tiny = torch.finfo(exponents.dtype).tiny
    exponents.clamp_max_(-math.log(1.02 * tiny)).neg_().exp_()
    return torch.threshold_(exponents, 1.05 * tiny, 0.0)


def gaussian_rbf(squared: Float[Tensor, "*pairs"]) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = \exp(-D_{ij} / 2)$ of squared distances D in multiples of sigma."""
    return exponential(squared, 0.5)


def matern(squared: Float[Tensor, "*pairs"], order: int) -> Float[Tensor, "*pairs"]:
    r"""$A_{ij} = p_q(t) e^{-t}, t^2 = (2 q + 1) D_{ij}$ of squared distances D in multiples of sigma, for the order q.

    $p_0 = 1, p_1 = 1 + t, p_2 = 1 + t + t^2 / 3$; smoothness is q + 1/2.
    """
    return _matern(squared, order, 2.0 * order + 1.0)


def _matern(squared: Tensor, order: int, factor: float) -> Tensor:
    if order:
        return _Matern.apply(squared, order, factor)  # pyright: ignore[reportReturnType]
    apart = squared > 0
    roots = torch.where(apart, squared, 1.0).mul_(factor).sqrt_()
    return _Decay.apply(torch.where(apart, roots, 0.0))  # pyright: ignore[reportReturnType]


class _Matern(Function):
    """The slope towards t² is a multiple of the order below, so that no root of 0 is differentiated."""

    @staticmethod
    def forward(squared: Tensor, order: int, factor: float) -> Tensor:
        root = squared.mul(factor).sqrt_().clamp_max_(1e3)
        decay = _decayed(root.clone())
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
        _check_number(block, 2)
        return nn.functional.pad(block, (start, 0)) if symmetric else block

    starts = range(0, len(items), size)
    if torch.is_grad_enabled():
        whole = torch.cat([checkpoint(rows, start, use_reentrant=False) for start in starts])
    else:
        # Results that are made between blocks would keep the memory of one block from serving the next.
        whole = items.new_empty(len(items), len(items))
        for start in starts:
            whole[start : start + size] = rows(start)
    return whole.triu() + whole.triu(1).mT if symmetric else whole


@precision.full
def of_links(
    items: Float[Tensor, "n d"], function: Pairwise, symmetric: bool, pattern: Float[Tensor, "n n"]
) -> Float[Tensor, " z"]:
    """The same where a sparse matrix has entries, some of them at a time, each of the pair that stands for it there."""
    rows, columns = csr.indices(pattern)
    links = (torch.minimum(rows, columns), torch.maximum(rows, columns)) if symmetric else (rows, columns)
    # As many as there are items at least: the gradient of a block is added to that of all items.
    size = max(_BLOCK // items.shape[1], len(items))

    def values(start: int) -> Tensor:
        first, second = (items.index_select(0, some[start : start + size]) for some in links)
        block = vmap(function)(first, second)
        _check_number(block, 1)
        return block

    parts = [checkpoint(values, start, use_reentrant=False) for start in range(0, len(rows), size)]
    return torch.cat([items.new_empty(0), *parts])


def _check_number(block: Tensor, batched: int) -> None:
    if block.ndim != batched:
        raise ValueError(f"function must give one number for two items, got {tuple(block.shape[batched:])}.")


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
