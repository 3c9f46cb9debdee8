"""One number everywhere."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class UniformBase(Interdependence):
    """A_ij = value; applied to data as a sum over all items, and built as one number. An author gives the value."""

    require_data = False
    cost = "n p; applied n d"

    @abstractmethod
    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType, value: float, p: int | None) -> None:
        super().__init__(b, m, interdependence_type)
        self.value = check.number("value", value)
        self.entry: Tensor
        self.register_buffer("entry", torch.tensor(self.value))
        self._p = None if p is None else check.whole("p", p)

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        return self._entry(items).expand(len(items), self.columns(len(items)))

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        total = transformed.sum(dim=0, keepdim=True) * self._entry(transformed)
        return total.expand(self.columns(len(items)), -1)

    def _entry(self, like: Tensor) -> Tensor:
        """In the dtype of another tensor, as given rather than as kept unless a state has brought another one."""
        kept, given = self.entry.to(like), like.new_full((), self.value)
        return torch.where(given.float() == kept.float(), given, kept)
