"""A that is a function of a sparse matrix of links, and is applied without being built."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout, precision
from hybridfuse.functional.stored import Derived, Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.stored_base import StoredBase


class PropagatedBase(StoredBase):
    """Keeps the matrix B of links as a buffer, and applies A, a function of it, by products with B or by solving.

    A itself, of n² numbers where it is dense, is computed when it is asked for; then it is kept, too, until the module
    is moved or cast, but it is no part of its state. An author writes `adjacency`, `whole` and `propagate`, and ends
    `__init__` with `store`. On the instance axis a batch of another size has its B computed for it, unless `any_size`
    is false.
    """

    require_data = False

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self._whole: Derived[Tensor] = Derived()

    @abstractmethod
    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        """B of n items: sparse, in float64."""

    @abstractmethod
    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        """A of B."""

    @abstractmethod
    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Aᵀ Z of B; `links.product(Z)` is Bᵀ Z."""

    def store(self, like: Tensor | None = None) -> None:
        self.stored = self._links_of(self.n, torch.empty(0) if like is None else like)

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        links = self.links_for(items)
        return layout.like(self.kept_whole(links) if links is self.stored else self._whole_of(links), items)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        links = self.links_for(items)
        return precision.full(lambda wide: self.propagate(links, wide))(transformed)

    def links_for(self, items: Float[Tensor, "n d"]) -> Stored:
        """B for the items, with its transpose once that is needed."""
        kept = self.kept(items)
        return self._links_of(len(items), items) if kept is None else kept

    def kept_whole(self, links: Stored) -> Tensor:
        """A of the kept B, computed once."""
        return self._whole(links.values, lambda: self._whole_of(links))

    def _links_of(self, n: int, like: Tensor) -> Stored:
        return Stored(layout.like(self.adjacency(n), like))

    def _whole_of(self, links: Stored) -> Tensor:
        return precision.full(self.whole)(links())
