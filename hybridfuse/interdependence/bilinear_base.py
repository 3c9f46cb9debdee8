"""A learned bilinear form of the items."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import csr, precision, reconcile
from hybridfuse.functional.repeated import Repeated
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
        self._repeated = Repeated()

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return self.reconciliation.between([items], [items.mT])

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
        return precision.full(lambda wide: csr.products(pattern, *self._halves(wide)))(items)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        """Through A for few items, else through the features, where neither A nor W is built."""
        items = items.to(transformed.dtype)
        return self.reconciliation.between([transformed.mT, items], [items.mT]).mT

    def transform_rows(self, features: Float[Tensor, "d n"], rows: Float[Tensor, "e n"]) -> Float[Tensor, "e n"]:
        features = features.to(rows.dtype)
        return self.reconciliation.between([rows, features.mT], [features])

    def _halves(self, items: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n r"]]:
        """U and V with A = U Vᵀ; by the entries of items that are always the same and sparse."""
        entries = self._repeated(items) if self.reconciliation.narrow else None
        if entries is None:
            return self.reconciliation.halves(items, items)
        first, last = self.reconciliation.cut(items.dtype)
        return entries.product(reconcile.chained(first)), entries.product(reconcile.chained(last))
