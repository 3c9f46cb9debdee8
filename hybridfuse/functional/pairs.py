"""Which pairs of items a quantity is computed of: all of them, as a matrix, or those that are linked, as a vector."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import csr, gram, linked, scale
from hybridfuse.functional.linked import Distance

# What a linked pair costs in pairs of all, where these take half a GEMM; less for the other distances.
_DEARER = 64

Places = tuple[Tensor, ...]


class Pairs(ABC):
    """Pairs (i, j) of items. What is given of them is differentiable any number of times but for distances, twice."""

    @abstractmethod
    def inner_products(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "*pairs"]:
        r"""$\langle x_i, x_j \rangle$, at most the largest finite number of the dtype."""

    @abstractmethod
    def cosines(
        self, units: Float[Tensor, "n d"], items: Float[Tensor, "n d"] | None = None
    ) -> Float[Tensor, "*pairs"]:
        """Inner products of items of norm 1 or 0, in [-1, 1]; 1 of an item and itself, 0 if it is a zero of `items`."""

    @abstractmethod
    def less_products(
        self, minuend: Float[Tensor, " n"], left: Float[Tensor, "n d"], right: Float[Tensor, "n d"]
    ) -> Float[Tensor, "*pairs"]:
        r"""$m_i - \langle l_i, r_j \rangle$."""

    @abstractmethod
    def distances(self, items: Float[Tensor, "n d"], distance: Distance) -> Float[Tensor, "*pairs"]:
        """At most the largest finite number of the dtype."""

    @abstractmethod
    def set_diagonal(self, values: Float[Tensor, "*pairs"], diagonal: Tensor) -> None:
        """Sets what is of an item and itself, in place, to a number, or one for each item."""

    @abstractmethod
    def below(
        self, values: Float[Tensor, "*pairs"], limit: float, size: int
    ) -> Iterator[tuple[Tensor, Tensor, list[Places]]]:
        """Pairs of small symmetric values, so many at a time: i and j, and the places where the value stands."""


class _AllPairs(Pairs):
    def __init__(self, exact: bool) -> None:
        self.exact = exact

    def inner_products(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return gram.inner_products(items, self.exact)

    def cosines(self, units: Float[Tensor, "n d"], items: Float[Tensor, "n d"] | None = None) -> Float[Tensor, "n n"]:
        return gram.cosines(units, items, self.exact)

    def less_products(
        self, minuend: Float[Tensor, " n"], left: Float[Tensor, "n d"], right: Float[Tensor, "n d"]
    ) -> Float[Tensor, "n n"]:
        return torch.addmm(minuend[:, None], left, right.mT, alpha=-1.0)

    def distances(self, items: Float[Tensor, "n d"], distance: Distance) -> Float[Tensor, "n n"]:
        return distance.everywhere(items)

    def set_diagonal(self, values: Float[Tensor, "n n"], diagonal: Tensor) -> None:
        values.diagonal().copy_(diagonal)

    def below(
        self, values: Float[Tensor, "n n"], limit: float, size: int
    ) -> Iterator[tuple[Tensor, Tensor, list[Places]]]:
        # Rows that hold one are found first, since to compare all values costs more than a GEMM.
        some = torch.nonzero(values.amin(dim=1) < limit).squeeze(1)
        if not len(some):
            return
        of_some, columns = torch.nonzero(values[some] < limit, as_tuple=True)
        rows = some[of_some]
        upper = rows < columns
        for i, j in zip(rows[upper].split(size), columns[upper].split(size), strict=True):
            yield i, j, [(i, j), (j, i)]


ALL = _AllPairs(exact=True)
APPLIED = _AllPairs(exact=False)
"""All of a matrix that is applied and not seen, so that what is symmetric need not be so to the last bit."""


class LinkedPairs(Pairs):
    """The entries of a sparse (CSR) matrix, in their order; memory does not grow with other pairs.

    Args:
        pattern: the matrix, of which only the pattern matters.
    """

    def __init__(self, pattern: Float[Tensor, "n n"]) -> None:
        self.pattern = pattern.detach()
        self.rows, self.columns = csr.indices(pattern)

    def inner_products(self, items: Float[Tensor, "n d"]) -> Float[Tensor, " z"]:
        return linked.inner_products(items, self.pattern)

    def cosines(self, units: Float[Tensor, "n d"], items: Float[Tensor, "n d"] | None = None) -> Float[Tensor, " z"]:
        values = self.inner_products(units)
        with torch.no_grad():  # rounding is no matter of the gradient
            values.clamp_(-1.0, 1.0)
        self.set_diagonal(values, units.new_ones(()) if items is None else scale.present(items))
        return values

    def less_products(
        self, minuend: Float[Tensor, " n"], left: Float[Tensor, "n d"], right: Float[Tensor, "n d"]
    ) -> Float[Tensor, " z"]:
        return minuend.index_select(0, self.rows) - csr.products(self.pattern, left, right)

    def distances(self, items: Float[Tensor, "n d"], distance: Distance) -> Float[Tensor, " z"]:
        return linked.distances(items, (self.rows, self.columns), distance)

    def set_diagonal(self, values: Float[Tensor, " z"], diagonal: Tensor) -> None:
        (own,) = torch.nonzero(self.rows == self.columns, as_tuple=True)
        values[own] = diagonal.expand(len(self.pattern))[self.rows[own]]

    def below(
        self, values: Float[Tensor, " z"], limit: float, size: int
    ) -> Iterator[tuple[Tensor, Tensor, list[Places]]]:
        (places,) = torch.nonzero((values < limit) & (self.rows != self.columns), as_tuple=True)
        for some in places.split(size):
            yield self.rows[some], self.columns[some], [(some,)]


def pays(pattern: Float[Tensor, "n n"]) -> bool:
    """Whether a matrix has so few entries that they are cheaper computed as linked pairs than as some of all."""
    return pattern.values().numel() * _DEARER <= pattern.numel()
