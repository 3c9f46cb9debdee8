"""Similarity kernels between items."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance, precision, scale


def cosine_similarity(products: Float[Tensor, "n n"], diagonal: Float[Tensor, " n"]) -> Float[Tensor, "n n"]:
    r"""$A_{ij} = P_{ij} / \sqrt{P_{ii} P_{jj}}$ of inner products P, 0 where P_ii is, with the given diagonal."""
    squared = products.diagonal()
    norms = torch.where(squared > 0, squared, 1.0).sqrt()
    return (products / (norms[:, None] * norms)).clamp(-1.0, 1.0).diagonal_scatter(diagonal)


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
