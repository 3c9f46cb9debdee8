import numpy as np
from jaxtyping import Int

from hybridfuse.data.structure.base import Structure


class Chain(Structure):
    """Links each item to the next one."""

    def pairs(self, items: int, seed: int) -> Int[np.ndarray, "pairs 2"]:
        first = np.arange(items - 1)
        return np.stack([first, first + 1], axis=1)
