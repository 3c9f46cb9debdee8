"""Relations of the cells of a grid to patches around its centres, sparse, in float64.

Cell (i, j, k) of channel u, in a grid of height h, width w and depth d, is item k + d (j + w (i + h u)).
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from hybridfuse.functional import csr, layout
from hybridfuse.functional.patch import Axes, centres

Sources = tuple[Int[Tensor, " p"], Float[Tensor, " p"] | None]


def padding(extents: Axes, channels: int, steps: Axes, offsets: Int[Tensor, "s 3"]) -> Float[Tensor, "n p"]:
    """A column for each cell of each patch, with a 1 in the row of that cell, if it is inside.

    Columns go by centre, then channel, then cell of the patch.
    """
    size = len(offsets)
    held, first = _memberships(extents, steps, offsets, channels * size, 1)
    return _of_channels(held, first, size, channels, math.prod(centres(extents, steps)) * size)


def aggregation(extents: Axes, channels: int, steps: Axes, offsets: Int[Tensor, "s 3"]) -> Float[Tensor, "n p"]:
    """A column for each patch, with a 1 in the row of each of its cells that is inside; by centre, then channel."""
    held, first = _memberships(extents, steps, offsets, channels, 0)
    return _of_channels(held, first, 1, channels, math.prod(centres(extents, steps)))


def sources(padding: Float[Tensor, "n p"]) -> Sources:
    """Of a matrix with at most one entry in a column: the row of that entry, n where there is none, and the entry.

    None for the entries where all are 1.
    """
    rows, columns = csr.indices(padding)
    values = padding.values()
    where = columns.new_full(padding.shape[1:], padding.shape[0]).scatter(0, columns, rows)
    if not values.is_meta and values.eq(1.0).all():
        return where, None
    return where, values.new_zeros(padding.shape[1:]).scatter(0, columns, values)


def gather(
    items: Float[Tensor, "n d"], where: Int[Tensor, " p"], entries: Float[Tensor, " p"] | None
) -> Float[Tensor, "p d"]:
    """Paddingᵀ items, by the `sources` of the padding: the cells of each patch, side by side.

    In memory as the items are: what lies row by row becomes patches that do.
    """
    where = where.to(items.device)
    entries = None if entries is None else layout.like(entries, items)
    if items.stride(0) < items.stride(1):
        gathered = pad(items.mT, (0, 1)).index_select(1, where)
        return (gathered if entries is None else gathered.mul_(entries)).mT
    gathered = pad(items, (0, 0, 0, 1)).index_select(0, where)
    return gathered if entries is None else gathered.mul_(entries[:, None])


def _memberships(
    extents: Axes, steps: Axes, offsets: Int[Tensor, "s 3"], by_centre: int, by_place: int
) -> tuple[Int[Tensor, " cells"], Int[Tensor, " z"]]:
    """In how many patches each cell lies, and each such patch: its centre's number and the cell's place in it, scaled.

    By cell, then by centre: the later the place of a cell in a patch, the earlier the centre.
    """
    inside, number = zip(*map(_along, extents, steps, offsets.flip(0).unbind(1)), strict=True)
    held = (inside[0][:, None, None] & inside[1][:, None] & inside[2]).flatten(0, 2)
    _, wide, deep = centres(extents, steps)
    flat = (number[0][:, None] * wide + number[1]) * (deep * by_centre)
    places = by_place * torch.arange(len(offsets) - 1, -1, -1)
    table = flat[:, :, None] + (number[2] * by_centre + places)
    return held.sum(dim=1), table.flatten(0, 2)[held]


def _along(
    extent: int, step: int, offsets: Int[Tensor, " s"]
) -> tuple[Bool[Tensor, "extent s"], Int[Tensor, "extent s"]]:
    """Along one axis: whether there is a centre from which the offset leads to the cell, and its number."""
    centre = torch.arange(extent)[:, None] - offsets
    return (centre >= 0) & (centre < extent) & (centre % step == 0), centre // step


def _of_channels(
    held: Int[Tensor, " cells"], first: Int[Tensor, " z"], stride: int, channels: int, columns: int
) -> Float[Tensor, "n p"]:
    """The same entries for each channel: rows further on by the cells of one, columns by a stride."""
    counts = pad(held.repeat(channels).cumsum(0), (1, 0))
    shifted = (first + stride * torch.arange(channels)[:, None]).flatten()
    shape = (channels * len(held), channels * columns)
    ones = torch.ones(len(shifted), dtype=torch.float64)
    return torch.sparse_csr_tensor(counts, shifted, ones, shape, check_invariants=False)
