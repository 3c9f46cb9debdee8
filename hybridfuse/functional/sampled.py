"""Sparse matrices whose values are computed: products at links alone, differentiable any number of times.

torch drops the values of a CSR matrix from second derivatives; here a pattern and its values are apart.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout


def products(
    pattern: Float[Tensor, "n p"], left: Float[Tensor, "n r"], right: Float[Tensor, "p r"]
) -> Float[Tensor, " z"]:
    """⟨left_i, right_j⟩ at each stored entry (i, j) of a CSR matrix, in its order; nothing n × p is built."""
    return _Products.apply(pattern.detach(), left, right)


def product(
    pattern: Float[Tensor, "n p"], values: Float[Tensor, " z"], dense: Float[Tensor, "q e"], transposed: bool = False
) -> Float[Tensor, "s e"]:
    """S Z, or Sᵀ Z, for the CSR matrix S with the pattern of another and values of its own."""
    return _Product.apply(pattern.detach(), values, dense, transposed)


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(pattern: Tensor, left: Tensor, right: Tensor) -> Tensor:
        matrix = layout.with_values(pattern, torch.ones_like(pattern.values(), dtype=left.dtype))
        return torch.sparse.sampled_addmm(matrix, left.contiguous(), right.mT, beta=0.0).values()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor, Tensor]:
        pattern, left, right = ctx.saved_tensors
        (grad,) = grads
        return None, product(pattern, grad, right), product(pattern, grad, left, transposed=True)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(pattern: Tensor, values: Tensor, dense: Tensor, transposed: bool) -> Tensor:
        matrix = layout.with_values(pattern, values)
        return (layout.transpose(matrix) if transposed else matrix) @ dense.contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
        pattern, values, dense, ctx.transposed = inputs
        ctx.save_for_backward(pattern, values, dense)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor, Tensor, None]:
        pattern, values, dense = ctx.saved_tensors
        (grad,) = grads
        left, right = (dense, grad) if ctx.transposed else (grad, dense)
        return None, products(pattern, left, right), product(pattern, values, grad, not ctx.transposed), None
