"""Similarities that fade with a distance."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.summary import Norms
from hybridfuse.interdependence.streamed_base import StreamedBase


class DistanceBase(StreamedBase):
    r"""$A_{ij} = \exp(-D_{ij})$. An author writes `distances`, and `order` where D is another norm than a sum."""

    order: float = 1.0
    """D to the power of this adds up over features; the largest one counts where it is infinite."""
    cost = "n² d"

    @abstractmethod
    def distances(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """D, for some or all features of the items."""

    def summary(self, items: Float[Tensor, "n d"]) -> Norms:
        return Norms(self.distances(items), self.order)

    def from_summary(self, summary: Norms) -> Float[Tensor, "n n"]:
        return torch.exp_(-summary.norm)
