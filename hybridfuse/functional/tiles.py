"""Pairs of items, a tile of them at a time: so many that their differences fit into the cache."""

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

Result = TypeVar("Result")

# Differences that a tile holds: in the caches of some cores, or, elsewhere, enough of them to keep a device busy.
_TILE, _TILE_ELSEWHERE = 1 << 19, 1 << 24
_SIDE = 256


class Room:
    """Memory for a tile, twice, that all tiles share: fresh memory costs more than what is done in it."""

    def __init__(self, items: Float[Tensor, "n d"]) -> None:
        self._memory = items.new_empty(2 * min(_pairs(items), len(items) ** 2) * items.shape[1])

    def of(self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]) -> Float[Tensor, "2 i j d"]:
        shape = torch.broadcast_shapes(first.shape, second.shape)
        return self._memory[: 2 * math.prod(shape)].view(2, *shape)


def over(work: Callable[[slice, slice], Result], items: Float[Tensor, "n d"]) -> Iterator[tuple[slice, slice, Result]]:
    """What work gives for the rows and columns of each tile, in order."""
    return ((rows, columns, work(rows, columns)) for rows, columns in _tiles(items))


def _tiles(items: Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that hold each pair of items once, but for those on the diagonal."""
    n, pairs = len(items), _pairs(items)
    width = math.isqrt(pairs)
    for start in range(0, n, width):
        columns = slice(start, min(start + width, n))
        for above in range(0, start, pairs // width):
            yield slice(above, min(above + pairs // width, start)), columns
        yield columns, columns


def _pairs(items: Tensor) -> int:
    """Pairs of a tile."""
    return max((_TILE if items.is_cpu else _TILE_ELSEWHERE) // max(items.shape[1], 1), 1)


def mirrored(upper: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """What is above the diagonal copied below it, in place, by blocks that fit into the cache."""
    for start in range(0, len(upper), _SIDE):
        rows = slice(start, start + _SIDE)
        square = upper[rows, rows].triu_()
        square += square.triu(1).mT
        for other in range(start + _SIDE, len(upper), _SIDE):
            columns = slice(other, other + _SIDE)
            upper[columns, rows] = upper[rows, columns].mT
    return upper
