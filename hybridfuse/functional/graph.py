"""Matrices of links between nodes, sparse, in float64."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse.functional import csr


def adjacency(
    links: Int[Tensor, "z 2"],
    n: int,
    bi_directional: bool = False,
    self_scaling: float = 0.0,
    weights: Float[Tensor, " z"] | None = None,
) -> Float[Tensor, "n n"]:
    """1, or its weight, at (i, j) for each link i → j; then self_scaling is added to the diagonal.

    Of links given twice the last one counts; both directions of a bi-directional link are one link.
    """
    if bi_directional:  # the two directions beside each other, so that the last link is the last one both ways
        links = torch.stack([links, links.flip(1)], dim=1).reshape(-1, 2)
        weights = None if weights is None else weights.repeat_interleave(2)
    keys, values = _merged(links[:, 0] * n + links[:, 1], weights)
    if self_scaling:
        diagonal = torch.arange(n, device=keys.device) * (n + 1)
        keys, values = _added(keys, values, diagonal, values.new_full((n,), self_scaling))
    present = values != 0
    keys, values = (keys, values) if bool(present.all()) else (keys[present], values[present])
    return csr.from_sorted(keys // n, keys % n, values, (n, n))


def chain(n: int, bi_directional: bool = False, self_scaling: float = 1.0) -> Float[Tensor, "n n"]:
    """The links i → i + 1 of n nodes in a row."""
    steps = torch.arange(max(n - 1, 0))
    return adjacency(torch.stack([steps, steps + 1], dim=1), n, bi_directional, self_scaling)


def eye(n: int, p: int) -> Float[Tensor, "n p"]:
    """1 at (i, i) for i < min(n, p)."""
    diagonal = torch.arange(min(n, p))
    return csr.from_sorted(diagonal, diagonal, torch.ones(len(diagonal), dtype=torch.float64), (n, p))


def with_idle(matrix: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """1 on the diagonal of each row without entries."""
    rows, columns = csr.indices(matrix)
    idle = torch.nonzero(matrix.crow_indices().diff() == 0)[:, 0]
    n, ones = len(matrix), matrix.values().new_ones(len(idle))
    keys, values = _added(rows * n + columns, matrix.values(), idle * (n + 1), ones)
    return csr.from_sorted(keys // n, keys % n, values, (n, n))


def _unique(keys: Tensor) -> Tensor:
    """Keys in order, each once; numpy sorts them many times as fast as torch does."""
    if keys.device.type != "cpu":
        return torch.unique(keys)
    return torch.unique_consecutive(torch.from_numpy(np.sort(keys.numpy())))


def _merged(keys: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Keys in order, each once, with the last of their weights."""
    if weights is None:
        unique = _unique(keys)
        return unique, torch.ones(len(unique), dtype=torch.float64, device=keys.device)
    ordered, order = torch.sort(keys, stable=True)
    last = torch.ones(len(keys), dtype=torch.bool, device=keys.device)
    last[:-1] = ordered[1:] != ordered[:-1]
    return ordered[last], weights[order[last]]


def _added(keys: Tensor, values: Tensor, others: Tensor, more: Tensor) -> tuple[Tensor, Tensor]:
    """Ordered entries and some more, added where there is one already."""
    union = _unique(torch.cat([keys, others]))
    total = values.new_zeros(len(union))
    for part, addends in ((keys, values), (others, more)):
        total[torch.searchsorted(union, part)] += addends
    return union, total
