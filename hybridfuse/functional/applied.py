"""Inner products of items, applied to others."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import gram, precision
from hybridfuse.functional.differentiable import transforms_active


@precision.full
def times(rows: Float[Tensor, "e n"], features: Float[Tensor, "d n"]) -> Float[Tensor, "e n"]:
    r"""$\sum_i z_{ki} \langle x_i, x_j \rangle$ for rows z, of items that are the columns of the features."""
    features = features if features.dtype == rows.dtype else features.to(rows.dtype)
    if transforms_active():
        return rows @ gram.inner_products(features.mT)
    if torch.is_grad_enabled() and (rows.requires_grad or features.requires_grad):
        return _Times.apply(rows, features)
    return torch.mm(rows, gram.of_features(features))


class _Times(torch.autograd.Function):
    """By three products more for the gradient, not four; differentiable any number of times."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, features: Tensor) -> Tensor:
        ctx.products = gram.of_features(features)
        ctx.save_for_backward(rows, features)
        return torch.mm(rows, ctx.products)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, features = ctx.saved_tensors
        grad, to_rows = grads[0].contiguous(), None
        if ctx.needs_input_grad[0]:
            to_rows = times(grad, features) if torch.is_grad_enabled() else torch.mm(grad, ctx.products)
        if not ctx.needs_input_grad[1]:
            return to_rows, None
        slopes = torch.mm(rows.mT, grad)
        slopes = slopes + slopes.mT
        if rows is features and to_rows is not None:  # both at once
            return to_rows.addmm_(features, slopes).nan_to_num_(0.0), None
        return to_rows, torch.mm(features, slopes).nan_to_num_(0.0)
