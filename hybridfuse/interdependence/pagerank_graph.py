from collections.abc import Hashable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import layout, normalize, propagate
from hybridfuse.functional.propagate import Dominant
from hybridfuse.functional.stored import Derived, Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.graph_base import GraphBase
from hybridfuse.interdependence.propagated_base import PropagatedBase
from hybridfuse.postprocess.base import Postprocess

_DENSE = 4096
"""Nodes up to which A may be built in order to apply it."""
_DENSE_IS_FASTER = 16
"""How many times as many entries as a sparse product a dense one handles in a time."""


class PagerankGraph(GraphBase, PropagatedBase):
    r"""Relates items by random walks through a given graph that start again with probability c at each step.

    $$A = c\,(I - (1 - c) B)^{-1}$$

    In [0, 1] for weights of at least 0. B is the matrix of `graph`, its rows made to sum to 1. Row i of A is the
    personalised PageRank of a walk that starts at i: not negative, it sums to 1 if no walk ends at a node without
    links. A itself is dense. It is applied by iterating over products with B, until a step changes no entry by more
    than `propagate.TOLERANCE` roundings of the largest one, so that the error is within that by c; for small graphs
    by A itself, where that is cheaper. Eigenvectors of the largest eigenvalue are computed once and are what the
    iteration starts from, if no weight is below 0: fewer steps, where the next eigenvalue is far below.

    Args:
        restart: the probability c. In (0, 1].
        normalization: of B; by default as `hybridfuse.postprocess.Row` does.

    Raises:
        ValueError: as `graph` does, if restart is not in (0, 1], and if (1 - c) times the spectral radius of a B
            that is normalised otherwise is not below 1, as a bound near it has it.
        FileNotFoundError: if there is no file at path.

    References: Page, Brin, Motwani, Winograd (1999), The PageRank citation ranking; RPN 2 (2024), arXiv 2411.11162,
    topological interdependence, PageRank multi-hop.
    """

    cost = "z d / c"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        links: Any = None,
        path: str | None = None,
        nodes: Sequence[Hashable] | None = None,
        directed: bool = True,
        self_dependence: bool = False,
        self_scaling: float = 1.0,
        normalization: Postprocess | None = None,
        restart: float = 0.15,
    ) -> None:
        super().__init__(
            b, m, interdependence_type, links, path, nodes, directed, self_dependence, self_scaling, normalization
        )
        self.restart = check.number("restart", restart)
        if not 0.0 < self.restart <= 1.0:
            raise ValueError(f"restart must be in (0, 1], got {restart}.")
        links_in_full = self.adjacency(self.n)
        self._radius = propagate.radius_bound(links_in_full)
        if (1.0 - self.restart) * self._radius >= 1.0:
            raise ValueError(
                f"restart must be > {1.0 - 1.0 / self._radius:.6g} for links of spectral radius up to "
                f"{self._radius:.6g}, got {restart}; normalization=null makes it 1."
            )
        # A symmetric matrix of positive links has real eigenvalues, and keeps them where rows are scaled.
        self._real = not self.directed and normalization is None and bool((links_in_full.values() > 0).all())
        self._dominant: Derived[Dominant | None] = Derived()
        self.store()

    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        matrix = super().adjacency(n)
        return normalize.row(matrix) if self.normalization is None else matrix

    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return propagate.pagerank(links, self.restart)

    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        if self._dense_is_cheaper(links, items):
            return layout.product(self.kept_whole(links), items)
        dominant = None if self._real else self._dominant_of(links)
        swapped = None if dominant is None else (dominant[0], dominant[2].mT, dominant[1].mT)

        def over(matrix: Tensor, columns: Tensor, start: Dominant | None) -> Tensor:
            like = layout.like(matrix, columns)
            return propagate.over_pagerank(like, columns, self.restart, self._radius, self._real, start)

        return propagate.linear(
            lambda columns: over(links.transposed(), columns, dominant),
            lambda columns: over(links(), columns, swapped),
            items,
        )

    def _dominant_of(self, links: Stored) -> Dominant | None:
        """Kept, as A is; none for links that may cancel each other."""
        if links.values.is_meta or not bool((links.values >= 0).all()):
            return None
        return self._dominant(links.values, lambda: propagate.dominant_vectors(links.transposed(), links()))

    def _dense_is_cheaper(self, links: Stored, items: Tensor) -> bool:
        steps = propagate.steps(self.restart, self._radius, items.dtype, self._real)
        return self.n <= _DENSE and self.n**2 <= _DENSE_IS_FASTER * steps * (self.n + links.values.numel())
