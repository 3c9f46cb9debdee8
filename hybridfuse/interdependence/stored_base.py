"""A that may be computed once and kept."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class StoredBase(Interdependence):
    """Keeps A for `n` items as a buffer. An author writes `store`, and asks `stored_for` before computing A."""

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.stored: layout.Stored | None = None

    @abstractmethod
    def store(self, like: Tensor | None = None) -> None:
        """Computes A for `n` items in the dtype and on the device of `like` (default: torch's), and keeps it."""

    def stored_for(self, items: Float[Tensor, "n d"]) -> Tensor | None:
        """The kept A for these items, computed once more if they are more precise; None if there is none."""
        if self.stored is None or items.shape[0] != self.n:
            return None
        if items.dtype == torch.float64 and self.stored.precision != torch.float64:
            with torch.inference_mode(False), torch.no_grad():
                self.store(items)
        return layout.like(self.stored(), items)
