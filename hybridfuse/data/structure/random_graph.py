import math
import random

import numpy as np
from jaxtyping import Int

from hybridfuse import check
from hybridfuse.data.structure.base import Structure


class RandomGraph(Structure):
    """Links items at random: every choice of as many links is as likely.

    Args:
        degree: links of an item, on average. Above 0; at most the number of other items.

    Raises:
        ValueError: if degree is not above 0, or, where links are asked for, above the number of other items.
        TypeError: if degree is no number.

    References: Erdős & Rényi (1959), On random graphs I, the model G(n, M).
    """

    def __init__(self, degree: float = 4.0) -> None:
        self.degree = check.positive("degree", degree)

    def pairs(self, items: int, seed: int) -> Int[np.ndarray, "pairs 2"]:
        if self.degree > items - 1:
            raise ValueError(f"degree must be <= {items - 1}, the number of other items, got {self.degree:g}.")
        numbers = random.Random(seed).sample(range(items * (items - 1) // 2), round(items * self.degree / 2))
        return np.array([_pair(number) for number in sorted(numbers)], dtype=np.int64).reshape(-1, 2)


def _pair(number: int) -> tuple[int, int]:
    """The pairs (0, 1), (0, 2), (1, 2), (0, 3), … by their number."""
    second = (1 + math.isqrt(8 * number + 1)) // 2
    return number - second * (second - 1) // 2, second
