"""Adjacency matrices, sparse, in float64."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse.functional import layout


def adjacency(
    links: Int[Tensor, "z 2"], n: int, bi_directional: bool = False, self_scaling: float = 0.0
) -> Float[Tensor, "n n"]:
    """1 at (i, j) for each link i → j, links given twice counted once; then self_scaling is added to the diagonal."""
    if bi_directional:
        links = torch.cat([links, links.flip(1)])
    links = torch.unique(links, dim=0) if len(links) else links
    loops = torch.arange(n if self_scaling else 0)
    rows = torch.cat([links[:, 0], loops])
    columns = torch.cat([links[:, 1], loops])
    values = torch.ones(len(rows), dtype=torch.float64)
    values[len(links) :] = self_scaling
    return layout.from_entries(rows, columns, values, (n, n))


def chain(n: int, bi_directional: bool = False, self_scaling: float = 1.0) -> Float[Tensor, "n n"]:
    """The links i → i + 1 of n nodes in a row."""
    steps = torch.arange(max(n - 1, 0))
    return adjacency(torch.stack([steps, steps + 1], dim=1), n, bi_directional, self_scaling)


def eye(n: int, p: int) -> Float[Tensor, "n p"]:
    """1 at (i, i) for i < min(n, p)."""
    diagonal = torch.arange(min(n, p))
    return layout.from_entries(diagonal, diagonal, torch.ones(len(diagonal), dtype=torch.float64), (n, p))
