"""A that may be computed once and kept."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class StoredBase(Interdependence):
    """Keeps a matrix for `n` items as a buffer, A or what A follows from.

    An author writes `store`, and asks `kept` or `stored_for` before computing the matrix.
    """

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.stored: Stored | None = None

    @abstractmethod
    def store(self, like: Tensor | None = None) -> None:
        """Computes and keeps the matrix for `n` items, in the dtype and on the device of `like` (default: torch's)."""

    def kept(self, items: Float[Tensor, "n d"]) -> Stored | None:
        """What is kept for these items, computed once more if they are more precise; None if nothing is."""
        if self.stored is None or items.shape[0] != self.n:
            return None
        if items.dtype == torch.float64 and self.stored.precision != torch.float64:
            with torch.inference_mode(False), torch.no_grad():
                self.store(items)
        return self.stored

    def stored_for(self, items: Float[Tensor, "n d"]) -> Tensor | None:
        """The kept matrix in the dtype and on the device of these items; None if there is none."""
        kept = self.kept(items)
        return None if kept is None else layout.like(kept(), items)

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        return not self.sparse and type(self).transform is StoredBase.transform

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        kept = self.kept(items)
        return super().transform(items, transformed) if kept is None else kept.product(transformed)
