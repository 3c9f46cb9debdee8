"""Similarities that spread over each other's nearest neighbours (Wang et al. 2014)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hybridfuse.functional import precision, scale


@precision.full
def similarity_network(stack: Float[Tensor, "k n n"], neighbors: int, iterations: int) -> Float[Tensor, "n n"]:
    """The mean of k similarities after so many steps, in each of which every one takes on the mean of the others."""
    k = stack.shape[0]
    units = torch.stack([scale.common_magnitude(matrix) for matrix in stack])[:, None, None]
    similarity = (stack / units).clamp_min(0.0)
    near = torch.where(nearest(similarity.detach(), neighbors), similarity, 0.0)
    local = near / _present(near.sum(dim=2, keepdim=True))
    status = normalized(similarity)
    for _ in range(iterations):
        others = (status.sum(dim=0) - status) / (k - 1) if k > 1 else status
        spread = normalized(local @ others @ local.mT)
        status = (spread + spread.mT) / 2
    return status.mean(dim=0)


def normalized(similarity: Float[Tensor, "k n n"]) -> Float[Tensor, "k n n"]:
    """Half of each row on the diagonal, the other half on the other items in proportion; 0 where there is nothing."""
    eye = torch.eye(similarity.shape[-1], dtype=similarity.dtype, device=similarity.device)
    others = similarity * (1.0 - eye)
    return others / (2.0 * _present(others.sum(dim=2, keepdim=True))) + 0.5 * eye


def nearest(similarity: Float[Tensor, "k n n"], neighbors: int) -> Bool[Tensor, "k n n"]:
    """For each item itself and so many others that are most similar, of equal ones the first."""
    eye = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
    order = similarity.masked_fill(eye, -1.0).argsort(dim=2, descending=True, stable=True)
    return torch.zeros_like(similarity, dtype=torch.bool).scatter(2, order[..., :neighbors], True) | eye


def _present(sums: Tensor) -> Tensor:
    return torch.where(sums > 0, sums, 1.0)
