from collections.abc import Hashable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.graph_base import GraphBase
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess


class Graph(GraphBase, Structural):
    r"""Relates items by the links of a given graph.

    $$A_{ij} = w_{ij} + s\,[i = j], \quad w_{ij} = [i \to j \text{ is a link}] \text{ or its weight}$$

    Sparse. In {0, 1, s, 1 + s}, without weights. Item j of the output receives the sum of the items that link to it.
    The graph has as many nodes as there are items, and may have no links; a self-link ends at 1 + s.

    Raises:
        ValueError: if a link names an unknown node, is no pair or has a weight that is not finite, nodes are not as
            many as items or not distinct, or self_scaling is not finite.
        FileNotFoundError: if there is no file at path.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, graph.
    """

    sparse = True
    cost = "z d"

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
        super().__init__(
            b, m, interdependence_type, links, path, nodes, directed, self_dependence, self_scaling, normalization
        )
        self.store()

    def structure(self, n: int) -> Float[Tensor, "n n"]:
        return self.adjacency(n)
