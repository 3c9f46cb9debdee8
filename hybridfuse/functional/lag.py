"""Products of items that are shifted against each other along their features."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from hybridfuse.functional.differentiable import Function


class _LargestProduct(Function):
    """Largest inner product over the lags by which the second item is late, a GEMM a lag; and the lag, if tracked.

    Kept for the gradient are the items and the lags alone.
    """

    @staticmethod
    def forward(items: Tensor, lags: int, tracked: bool) -> tuple[Tensor, Tensor]:
        largest = items @ items.mT
        best = torch.zeros_like(largest if tracked else largest[:0], dtype=torch.int32)
        for lag in range(1, lags + 1):
            products = items[:, :-lag] @ items[:, lag:].mT
            if tracked:
                best.masked_fill_(products > largest, lag)
            torch.maximum(largest, products, out=largest)
        return largest, best

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, bool], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(inputs[0], output[1])
        ctx.lags = inputs[1]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        items, best = ctx.saved_tensors
        of_lag = torch.where(best == 0, grads[0], 0.0)
        total = of_lag @ items + of_lag.mT @ items
        for lag in range(1, ctx.lags + 1):
            of_lag = torch.where(best == lag, grads[0], 0.0)
            total = total + pad(of_lag @ items[:, lag:], (0, lag)) + pad(of_lag.mT @ items[:, :-lag], (lag, 0))
        return total, None, None


def largest_product(items: Float[Tensor, "n d"], lags: int) -> Float[Tensor, "n n"]:
    r"""$\max_{|l| \le lags} \sum_k x_{ki} x_{k+l,j}$, over the lags at which the items overlap."""
    tracked = torch.is_grad_enabled() and items.requires_grad
    late, _ = _LargestProduct.apply(items, min(lags, items.shape[1] - 1), tracked)
    return torch.maximum(late, late.mT)
