"""A learned bilinear form of the items."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.reconciliation.base import Reconciliation


class BilinearBase(Interdependence):
    """A_ij = x_iᵀ W x_j with W = ψ(w) (d, d), for any reconciliation ψ.

    W starts so that entries of A have variance 1 / n for standardised items. An author gives `reconciliation`
    in `__init__`. On the attribute axis d is b, so that the batch size is fixed.
    """

    bound_sizes = frozenset({"d"})
    reconciliation: Reconciliation

    @abstractmethod
    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.std = self.n**-0.5 / self.d

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        weight = self.reconciliation().to(items.dtype)
        return items @ weight @ items.mT
