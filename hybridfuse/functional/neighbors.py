"""Nearest items, and the graph of them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse.functional import csr, graph, layout, precision, scale

_BLOCK = 1 << 24


def by_distance(items: Float[Tensor, "n d"], number: int) -> Int[Tensor, "n k"]:
    """The nearest other items of each one by Euclidean distance, in order of position; all, where there are fewer.

    In float64, where the device has it, block by block of rows, so that memory is that of items and a block.
    """
    items = items.detach()
    centred = precision.widest(items / scale.common_magnitude(items))
    centred = centred.sub_(centred.mean(dim=0))
    squared = torch.linalg.vecdot(centred, centred)
    rows = max(_BLOCK // max(len(items), 1), 1)
    return torch.cat(
        [
            _largest(torch.addmm(squared, block, centred.mT, beta=-1.0, alpha=2.0), number, start * rows)
            for start, block in enumerate(centred.split(rows))
        ]
    )


def by_similarity(similarity: Float[Tensor, "n n"], number: int) -> Int[Tensor, "n k"]:
    """The most similar other items of each one, in order of position; all, where there are fewer."""
    return _largest(layout.dense(similarity.detach()).clone(), number, 0)


def linked(
    nearest: Int[Tensor, "n k"], one: Float[Tensor, ""], mutual: bool, directed: bool, self_scaling: float
) -> Float[Tensor, "n n"]:
    """A one at the nearest of each item: those that are nearest to each other alone, or to either if not directed."""
    n, number = nearest.shape
    positions = torch.arange(n, device=nearest.device)
    if directed and not mutual:
        return _regular(nearest, one, self_scaling)
    links = torch.stack([positions.repeat_interleave(number, output_size=nearest.numel()), nearest.flatten()], dim=1)
    if mutual:
        links = links[torch.isin(links[:, 0] * n + links[:, 1], links[:, 1] * n + links[:, 0])]
    return graph.adjacency(links, n, not mutual, self_scaling, one.expand(len(links)))


def _regular(nearest: Tensor, one: Tensor, self_scaling: float) -> Tensor:
    """As many links from each item, their number known beforehand."""
    positions = torch.arange(len(nearest), device=nearest.device)
    loops = positions[:, None] if self_scaling else positions[:, None][:, :0]
    columns, order = torch.sort(torch.cat([loops, nearest], dim=1), dim=1)
    values = torch.where(order < loops.shape[1], self_scaling * one, one)
    rows = positions[:, None].expand_as(columns)
    return csr.from_sorted(rows.flatten(), columns.flatten(), values.flatten(), (len(positions), len(positions)))


def _largest(scores: Tensor, number: int, start: int) -> Tensor:
    """Columns of the largest entries of each row but that of the item itself; row 0 is of item `start`."""
    scores.diagonal(start).fill_(-torch.inf)
    return scores.topk(min(number, scores.shape[1] - 1), dim=1, sorted=False).indices.sort(dim=1).values
