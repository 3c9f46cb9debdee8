from collections.abc import Iterator, Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import distance
from hybridfuse.functional import neighbors as nearest
from hybridfuse.functional.summary import Summary, Sums
from hybridfuse.instantiate import Config, instantiate
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.interdependence.streamed_base import StreamedBase
from hybridfuse.postprocess.base import Postprocess


class KnnGraph(StreamedBase):
    r"""Relates each item to the few that are nearest to it.

    $$A_{ij} = [x_j \text{ is among the } k \text{ nearest of } x_i,\ j \ne i] + s\,[i = j]$$

    Sparse. In {0, 1, s}, before it is normalised. Nearest in Euclidean distance, or most similar by another function.
    Fewer items than that: all others; a single item has none. Which of equally near items are taken is left open. Not
    differentiable, entries being 1; multiplied with a kernel (fusion=prod), entries are those of the kernel, with its
    gradient. It streams if its similarity does, and is blocked without one: n (d + k) numbers and a block, not n².

    Args:
        neighbors: the number k of nearest items. At least 1.
        mutual: whether only items are related that are among the nearest of each other.
        directed: whether an item is related to its nearest, but they not therefore to it; of no effect if mutual.
        self_dependence: whether each item is related to itself, too.
        self_scaling: the weight s of that relation; 0 without self_dependence.
        normalization: applied to A at the end, such as `hybridfuse.postprocess.Row`; none by default.
        similarity: another function of the same items, or its configuration, whose largest entries of a row are the
            nearest; by default the Euclidean distance decides.

    Raises:
        ValueError: if neighbors is below 1, self_scaling is not finite, or similarity is of another type or m.
        TypeError: if similarity is no interdependence function.

    References: Eppstein, Paterson, Yao (1997), On nearest-neighbor graphs; Brito, Chávez, Quiroz, Yukich (1997),
    Connectivity of the mutual k-nearest-neighbor graph.
    """

    builds_its_parts = True
    sparse = True
    differentiable = False
    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        neighbors: int = 5,
        mutual: bool = False,
        directed: bool = True,
        self_dependence: bool = False,
        self_scaling: float = 1.0,
        normalization: Postprocess | Config | None = None,
        similarity: Interdependence | Config | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.neighbors = check.whole("neighbors", neighbors)
        self.mutual = check.truth("mutual", mutual)
        self.directed = check.truth("directed", directed)
        check.truth("self_dependence", self_dependence)
        self.self_scaling = check.number("self_scaling", self_scaling) if self_dependence else 0.0
        built: Any = instantiate(normalization) if isinstance(normalization, Mapping) else normalization
        self.normalization: Postprocess | None = built
        self.similarity = self._similarity(similarity)

    def leaves(self) -> Iterator[Interdependence]:
        if self.similarity is None or isinstance(self.similarity, StreamedBase):
            yield self
        else:
            yield from self.similarity.leaves()

    def summary(self, items: Float[Tensor, "n d"]) -> Summary:
        return Sums(distance.squared_euclidean(items)) if self.similarity is None else self._streaming().summary(items)

    def from_summary(self, summary: Any) -> Float[Tensor, "n n"]:
        similarity = -summary.total if self.similarity is None else self._streaming().from_summary(summary)
        return self._linked(nearest.by_similarity(similarity, self.neighbors), similarity)

    def _of_batch(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        if self.similarity is None:
            found = nearest.by_distance(items, self.neighbors)
        else:
            found = nearest.by_similarity(self.similarity.relate(items), self.neighbors)
        return self._linked(found, items)

    def _streaming(self) -> StreamedBase:
        if isinstance(self.similarity, StreamedBase):
            return self.similarity
        name = getattr(self.similarity, "name", "")
        raise ValueError(f"{name} cannot be computed batch by batch, nor {self.name} of it; use reference=batch.")

    def _linked(self, found: Tensor, like: Tensor) -> Tensor:
        matrix = nearest.linked(found, like.new_ones(()), self.mutual, self.directed, self.self_scaling)
        return matrix if self.normalization is None else self.normalization(matrix)

    def _similarity(self, given: Interdependence | Config | None) -> Interdependence | None:
        sizes = {"b": self.b, "m": self.m, "interdependence_type": self.interdependence_type}
        built: Any = instantiate(given, sizes) if isinstance(given, Mapping) else given
        if built is None:
            return None
        if not isinstance(built, Interdependence):
            raise TypeError(f"similarity must be an interdependence function, got {type(built).__name__}.")
        if built.interdependence_type != self.interdependence_type or built.m != self.m or built.p != built.n:
            raise ValueError(
                f"similarity must be square, of type {self.interdependence_type} and with m = {self.m}, got "
                f"{built.name} of type {built.interdependence_type} with m = {built.m} and {built.p} columns."
            )
        return built
