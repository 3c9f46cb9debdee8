"""What all functions of a given graph have in common: its links."""

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph
from hybridfuse.functional import links as reading
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.stored_base import StoredBase
from hybridfuse.postprocess.base import Postprocess


class GraphBase(StoredBase):
    """Holds the links of a graph with as many nodes as there are items; `adjacency` is its matrix.

    Links may be weighted. A link given twice counts once, with the weight given last; a link of weight 0 is none.
    Many links are read fast where nodes are numbers.

    Args:
        links: pairs (from, to) or triples (from, to, weight) of nodes; or a tensor or array of them, (z, 2) or
            (z, 3); or sources and targets as in PyTorch Geometric, (2, z), whole numbers, as which a tensor (2, 2) is
            read, too; or a graph of NetworkX, whose edges may have a `weight`, and whose order of nodes is that of the
            items unless nodes are numbers from 0 on; or a sparse matrix of scipy.
        path: a file of links, beside or instead of `links`: a CSV file with a pair a line, under `source,target`,
            `from,to` or nothing, or with weights under `source,target,weight`; or an `.npz` file as of
            `scipy.sparse.save_npz`, or with an array of links, and one of `weights` if need be.
        nodes: names of the items in their order; by default 0, 1, …, n - 1.
        directed: whether a link relates one way only.
        self_dependence: whether each item is related to itself, too.
        self_scaling: the weight s of that relation, added to that of a self-link; 0 without self_dependence.
        normalization: applied to the matrix of links, such as `hybridfuse.postprocess.Column`; none by default.
    """

    any_size = False

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
    ) -> None:
        super().__init__(b, m, interdependence_type)
        if links is None and path is None:
            warnings.warn(f"{self.name} has no links: give it links=[[0,1],...] or path=<file>.csv.", stacklevel=1)
        self.directed = check.truth("directed", directed)
        check.truth("self_dependence", self_dependence)
        self.self_scaling = check.number("self_scaling", self_scaling) if self_dependence else 0.0
        self.normalization = normalization
        self._links = reading.read(self.name, links, path, nodes, self.n)

    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        """The matrix of the links in float64, sparse, with self-links and normalised."""
        matrix = graph.adjacency(self._links.pairs, n, not self.directed, self.self_scaling, self._links.weights)
        return matrix if self.normalization is None else self.normalization(matrix)
