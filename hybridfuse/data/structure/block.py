import numpy as np
from jaxtyping import Int

from hybridfuse import check
from hybridfuse.data.structure.base import Structure


class Block(Structure):
    """Links all items of a block to each other; blocks follow one another, the last one may be smaller.

    Args:
        size: items of a block. At least 2.

    Raises:
        ValueError: if size is below 2.
        TypeError: if size is no whole number.
    """

    def __init__(self, size: int = 4) -> None:
        self.size = check.whole("size", size, least=2)

    def pairs(self, items: int, seed: int) -> Int[np.ndarray, "pairs 2"]:
        first, distance = np.arange(items)[:, None], np.arange(1, self.size)[None]
        second = first + distance
        inside = (second < items) & (second // self.size == first // self.size)
        return np.stack([np.broadcast_to(first, inside.shape)[inside], second[inside]], axis=1)
