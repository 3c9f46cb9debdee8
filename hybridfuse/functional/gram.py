"""Inner products of items with each other, by half a GEMM; the other half is the same to the last bit."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale
from hybridfuse.functional.differentiable import Function, transforms_active

Finish = Callable[[Float[Tensor, "i j"], int], object]
"""Given some rows of a product from their diagonal on, and the first of them; changes them in place."""

# Rows that stay in a core's cache until they are finished, or, elsewhere, enough of them to keep a device busy.
_PANEL, _PANEL_ELSEWHERE = 128, 4096
# Panels on a processor for which half a GEMM by panels takes no less than a whole one at once.
_FEW = 3


def symmetric(
    left: Float[Tensor, "n d"], right: Float[Tensor, "n d"], finish: Finish | None = None
) -> Float[Tensor, "n n"]:
    r"""$\langle l_i, r_j \rangle$, finished by some rows at a time; symmetric, before and after, but for rounding."""
    products, size = _by_panels(left, right, finish), _panel(left)
    # Of two numbers that differ by rounding, the larger.
    if len(left) <= size:
        return torch.maximum(products, products.mT)
    for start in range(0, len(left), size):
        square = products[start : start + size, start : start + size]
        square.copy_(torch.maximum(square, square.mT))
    return products


def _by_panels(left: Tensor, right: Tensor, finish: Finish | None = None) -> Tensor:
    """The same, but that the squares on the diagonal are symmetric but for rounding."""
    n, size = len(left), _panel(left)
    if n <= size:
        products = torch.mm(left, right.mT)
        if finish is not None:
            finish(products, 0)
        return products
    products = left.new_empty(n, n)
    for start in range(0, n, size):
        rows, below = slice(start, start + size), slice(start + size, n)
        panel = torch.mm(left[rows], right[start:].mT, out=products[rows, start:])
        if finish is not None:
            finish(panel, start)
        products[below, rows] = products[rows, below].mT
    return products


def _panel(items: Tensor) -> int:
    """Rows of a panel of the items' products."""
    if not items.is_cpu:
        return _PANEL_ELSEWHERE
    return _PANEL if len(items) > _FEW * _PANEL else max(len(items), 1)


def inner_products(items: Float[Tensor, "n d"], exact: bool = True) -> Float[Tensor, "n n"]:
    r"""$P_{ij} = \langle x_i, x_j \rangle$, at most the largest finite number of the dtype.

    Symmetric to the last bit if that is asked for.
    """
    traced = transforms_active() or (torch.is_grad_enabled() and items.requires_grad)
    if traced or items.shape[0] > _PANEL:
        return _InnerProducts.apply(items, exact)
    return _products(items, exact)


def _products(items: Tensor, exact: bool) -> Tensor:
    products = symmetric(items, items) if exact else _by_panels(items, items)
    return products if _moderate(products.trace()) else _without_overflow(items)


def of_features(features: Float[Tensor, "d n"]) -> Float[Tensor, "n n"]:
    """Inner products of items that are the columns, symmetric but for rounding; not to be differentiated."""
    items = features.mT
    products = torch.mm(items, features) if items.shape[0] <= _PANEL else _by_panels(items, items)
    return products if _moderate(products.trace()) else _without_overflow(items)


class _InnerProducts(Function):
    """Differentiable, any number of times, from the items alone."""

    @staticmethod
    def forward(items: Tensor, exact: bool) -> Tensor:
        return _products(items, exact)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, bool], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (items,) = ctx.saved_tensors
        return torch.mm(grads[0] + grads[0].mT, items).nan_to_num_(0.0), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        (items,) = ctx.saved_tensors
        half = tangents[0] @ items.mT
        return half + half.mT

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, None], *args: Any) -> tuple[Tensor, int]:
        return torch.stack([inner_products(items, args[1]) for items in args[0].unbind(in_dims[0])]), 0


def cosines(
    units: Float[Tensor, "n d"], items: Float[Tensor, "n d"] | None = None, exact: bool = True
) -> Float[Tensor, "n n"]:
    """Inner products of items of norm 1 or 0, in [-1, 1]; 1 of an item and itself, 0 if it is a zero of `items`."""
    return _Cosines.apply(units, items, exact)


class _Cosines(Function):
    """Differentiable any number of times, from the items alone."""

    @staticmethod
    def forward(units: Tensor, items: Tensor | None, exact: bool) -> Tensor:
        products = (symmetric(units, units) if exact else _by_panels(units, units)).clamp_(-1.0, 1.0)
        own = products.diagonal()
        if items is None or scale.number(own.amin()) > 0.5:
            own.fill_(1.0)
        else:
            own.copy_(scale.present(items))
        return products

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor | None, bool], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (units,) = ctx.saved_tensors
        slopes = grads[0] + grads[0].mT
        slopes.diagonal().zero_()
        return torch.mm(slopes, units), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        (units,) = ctx.saved_tensors
        half = tangents[0] @ units.mT
        result = half + half.mT
        result.diagonal().zero_()
        return result

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, int | None, None], *args: Any) -> tuple[Tensor, int]:
        units = args[0].unbind(in_dims[0])
        items = [args[1]] * len(units) if in_dims[1] is None else args[1].unbind(in_dims[1])
        return torch.stack([cosines(*pair, args[2]) for pair in zip(units, items, strict=True)]), 0


def moderate(items: Float[Tensor, "n d"]) -> bool:
    """Whether no inner product of two items overflows, nor a sum on the way to it."""
    return _moderate(torch.linalg.vecdot(items, items).sum())


def _moderate(total: Float[Tensor, ""]) -> bool:
    """The same from the sum of the products of items with themselves; no sum on the way to another is larger."""
    return scale.number(total) < 0.5 * scale.largest(total.dtype)


def divided(items: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n 1"], Float[Tensor, "n 1"]]:
    """Items whose products with others do not overflow, and two powers of two by which to multiply these products.

    Two, since the power of two by which they are divided may itself be beyond the numbers of the dtype.
    """
    largest = scale.largest_entries(items)
    exponent = torch.frexp(largest).exponent + (2 * items.shape[1]).bit_length()
    half = exponent // 2
    first, second = (torch.ldexp(torch.ones_like(largest), part) for part in (half, exponent - half))
    return items / first / second, first, second


def _without_overflow(items: Tensor) -> Tensor:
    left, first, second = divided(items)

    def multiply(panel: Tensor, start: int) -> None:
        rows = slice(start, start + len(panel))
        panel.mul_(first[rows]).mul_(second[rows]).nan_to_num_(0.0)

    return symmetric(left, items, multiply)
