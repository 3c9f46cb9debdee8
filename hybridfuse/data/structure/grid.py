import math

import numpy as np
from jaxtyping import Int

from hybridfuse import check
from hybridfuse.data.structure.base import Structure


class Grid(Structure):
    """Links each cell of a grid to the next one in its row and in its column; cell (i, j) is item j + width i.

    Args:
        width: cells of a row, which divides the number of items; by default as near to a square as can be.

    Raises:
        ValueError: if width is below 1, or, where links are asked for, does not divide the number of items.
        TypeError: if width is no whole number.
    """

    def __init__(self, width: int | None = None) -> None:
        self.width = None if width is None else check.whole("width", width)

    def pairs(self, items: int, seed: int) -> Int[np.ndarray, "pairs 2"]:
        width = _squarest(items) if self.width is None else self.width
        if items % width:
            raise ValueError(f"width must divide the {items} items of a grid, got {width}.")
        cells = np.arange(items).reshape(-1, width)
        beside = np.stack([cells[:, :-1], cells[:, 1:]], axis=-1).reshape(-1, 2)
        below = np.stack([cells[:-1], cells[1:]], axis=-1).reshape(-1, 2)
        return np.concatenate([beside, below])


def _squarest(items: int) -> int:
    """The least divisor that is not below the square root."""
    return items // next(width for width in range(math.isqrt(items), 0, -1) if not items % width)
