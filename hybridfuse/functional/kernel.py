"""Similarity kernels between items."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance, precision, scale


@precision.full
def cosine_similarity(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \langle x_i, x_j \rangle / (\|x_i\| \|x_j\|)$; 0 for a zero item, else exactly 1 on the diagonal."""
    return correlation(scale.unit(items))


@precision.full
def euclidean_distance(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \exp(-\|x_i - x_j\|_2)$."""
    return torch.exp(-distance.euclidean(items))


@precision.full
def gaussian_rbf(items: Float[Tensor, "n d"], sigma: float) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = \exp(-\|x_i - x_j\|_2^2 / (2 \sigma^2))$."""
    return torch.exp(distance.squared_euclidean(items, unit=sigma) / -2.0)


@precision.full
def attention(
    items: Float[Tensor, "n d"], query: Float[Tensor, "d h"], key: Float[Tensor, "d h"]
) -> Float[Tensor, "n n"]:
    r"""$A = softmax_{row}(Q K^\top / \sqrt{h})$ with $Q = X W_Q, K = X W_K$."""
    bounded = scale.bounded(items)
    queries, keys = bounded @ query.to(items.dtype), bounded @ key.to(items.dtype)
    return (queries @ keys.mT / query.shape[1] ** 0.5).softmax(dim=1)


def correlation(units: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Inner products of unit items, kept in [-1, 1] and exactly 1 (a zero item: 0) on the diagonal."""
    products = (units @ units.mT).clamp(-1.0, 1.0)
    present = units.detach().ne(0).any(dim=1).to(products.dtype)
    return products.diagonal_scatter(present)
