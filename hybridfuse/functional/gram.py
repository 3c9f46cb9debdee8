"""Inner products of items with each other, by half a GEMM; the other half is the same to the last bit."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale

Finish = Callable[[Float[Tensor, "i j"], int], object]
"""Given some rows of a product from their diagonal on, and the first of them; changes them in place."""

# Rows that stay in a core's cache until they are finished, or, elsewhere, enough of them to keep a device busy.
_PANEL, _PANEL_ELSEWHERE = 128, 4096


def symmetric(
    left: Float[Tensor, "n d"], right: Float[Tensor, "n d"], finish: Finish | None = None
) -> Float[Tensor, "n n"]:
    r"""$\langle l_i, r_j \rangle$, finished by some rows at a time; symmetric, before and after, but for rounding."""
    n, size = len(left), _PANEL if left.device.type == "cpu" else _PANEL_ELSEWHERE
    if n <= size:
        return _symmetrised(left @ right.mT, 0, finish)
    products = left.new_empty(n, n)
    for start in range(0, n, size):
        rows, below = slice(start, start + size), slice(start + size, n)
        panel = torch.mm(left[rows], right[start:].mT, out=products[rows, start:])
        panel[:, :size] = _symmetrised(panel, start, finish)
        products[below, rows] = products[rows, below].mT
    return products


def _symmetrised(panel: Tensor, start: int, finish: Finish | None) -> Tensor:
    """The square on the diagonal of a panel, which is finished: of two numbers that differ by rounding, the larger."""
    if finish is not None:
        finish(panel, start)
    square = panel[:, : len(panel)]
    return torch.maximum(square, square.mT)


def inner_products(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$P_{ij} = \langle x_i, x_j \rangle$, at most the largest finite number of the dtype."""
    return _InnerProducts.apply(items)  # pyright: ignore[reportReturnType]


class _InnerProducts(torch.autograd.Function):
    """Differentiable, any number of times, from the items alone."""

    @staticmethod
    def forward(items: Tensor) -> Tensor:
        products = symmetric(items, items)
        return products if _moderate(products.diagonal()) else _without_overflow(items)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (items,) = ctx.saved_tensors
        return ((grads[0] + grads[0].mT) @ items).nan_to_num(0.0)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        (items,) = ctx.saved_tensors
        half = tangents[0] @ items.mT
        return half + half.mT

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int], *args: Tensor) -> tuple[Tensor, int]:
        return torch.stack([inner_products(items) for items in args[0].unbind(in_dims[0])]), 0


def moderate(items: Float[Tensor, "n d"]) -> bool:
    """Whether no inner product of two items overflows, nor a sum on the way to it."""
    return _moderate(torch.linalg.vecdot(items, items))


def _moderate(squared: Tensor) -> bool:
    """The same from the products of items with themselves, of which no sum on the way to another is larger."""
    return scale.number(squared.sum()) < 0.5 * torch.finfo(squared.dtype).max


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
