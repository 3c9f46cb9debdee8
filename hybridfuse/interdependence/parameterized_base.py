"""A that is learned, and nothing else."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.reconciliation.base import Reconciliation


class ParameterizedBase(Interdependence):
    """A is ψ(w), for any reconciliation ψ; entries start with variance 1 / n, so that X A has the scale of X.

    An author gives `reconciliation` in `__init__`.
    """

    require_data = False
    bound_sizes = frozenset({"n"})
    reconciliation: Reconciliation

    @abstractmethod
    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", p: int | None = None
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self._p = None if p is None else check.whole("p", p)
        self.std = self.n**-0.5

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        return self.reconciliation().to(items.dtype)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        return self.reconciliation.between(left=[transformed.mT]).mT

    def transform_rows(self, features: Float[Tensor, "d n"], rows: Float[Tensor, "e n"]) -> Float[Tensor, "e p"]:
        return self.reconciliation.between(left=[rows])
