"""What all structures have in common: links of items, in both directions."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Int


class Structure(ABC):
    """Which items depend on each other. An author of one writes `pairs`."""

    @abstractmethod
    def pairs(self, items: int, seed: int) -> Int[np.ndarray, "pairs 2"]:
        """Different items that are linked, each two once."""

    def links(self, items: int, seed: int) -> Int[np.ndarray, "links 2"]:
        """Both directions of each link, sorted.

        Raises:
            ValueError: if there are no links.
        """
        pairs = self.pairs(items, seed)
        if not len(pairs):
            raise ValueError(f"a structure must link items, got no links of {items} items.")
        both = np.concatenate([pairs, pairs[:, ::-1]])
        return both[np.lexsort((both[:, 1], both[:, 0]))]
