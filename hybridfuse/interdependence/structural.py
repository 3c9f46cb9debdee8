"""Interdependence functions that need neither data nor parameters."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.stored_base import StoredBase


class Structural(StoredBase):
    """A follows from the number of items alone: computed once, at construction, and kept as a buffer.

    An author writes `structure`, in float64, and ends `__init__` with `store`. On the instance axis a batch of another
    size has its A computed for it, unless `any_size` is false.
    """

    require_data = False

    @abstractmethod
    def structure(self, n: int) -> Float[Tensor, "n p"]:
        """A of n items."""

    def store(self, like: Tensor | None = None) -> None:
        self.stored = Stored(layout.like(self.structure(self.n), torch.empty(0) if like is None else like))

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        stored = self.stored_for(items)
        return layout.like(self.structure(items.shape[0]), items) if stored is None else stored

    def relate_dense(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        kept = self.kept(items)
        return super().relate_dense(items) if kept is None else layout.like(kept.dense(), items)

    def constants(self, items: Float[Tensor, "n d"]) -> list[Tensor] | None:
        kept = self.kept(items)
        return None if kept is None else [kept.values]
