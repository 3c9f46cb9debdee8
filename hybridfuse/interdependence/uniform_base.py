"""One number everywhere."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural


class UniformBase(Structural):
    """A_ij = value; applied to data as a sum over all items. An author gives the value."""

    cost = "n p; applied n d"

    @abstractmethod
    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType, value: float, p: int | None) -> None:
        super().__init__(b, m, interdependence_type)
        self.value = check.number("value", value)
        self._p = None if p is None else check.whole("p", p)
        self.store()

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def structure(self, n: int) -> Float[Tensor, "n p"]:
        return torch.full((n, self.columns(n)), self.value, dtype=torch.float64)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        return (self.value * transformed.sum(dim=0, keepdim=True)).expand(self.columns(len(items)), -1)
