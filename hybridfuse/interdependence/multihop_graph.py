from collections.abc import Hashable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import propagate
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.graph_base import GraphBase
from hybridfuse.interdependence.propagated_base import PropagatedBase
from hybridfuse.postprocess.base import Postprocess


class MultihopGraph(GraphBase, PropagatedBase):
    r"""Relates items by the ways of several links through a given graph.

    $$A = B^h \quad\text{or, accumulative,}\quad A = \sum_{i=0}^{h} B^i$$

    Sparse. In [0, ∞) for weights and a self_scaling of at least 0. B is the matrix of `graph`, so that A_ij counts
    the ways from i to j of h links, or of up to h links, the one of none included. No hops: the identity. A is
    applied by h products with B, whatever it would fill.

    Args:
        hops: the number h of links on a way. At least 0.
        accumulative: whether shorter ways count, too.

    Raises:
        ValueError: as `graph` does, and if hops is below 0.
        FileNotFoundError: if there is no file at path.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, multi-hop graph.
    """

    sparse = True
    cost = "h z d"

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
        hops: int = 1,
        accumulative: bool = False,
    ) -> None:
        super().__init__(
            b, m, interdependence_type, links, path, nodes, directed, self_dependence, self_scaling, normalization
        )
        self.hops = check.whole("hops", hops, least=0)
        self.accumulative = check.truth("accumulative", accumulative)
        self.store()

    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return propagate.hops(links, self.hops, self.accumulative)

    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return propagate.over_hops(links.product, items, self.hops, self.accumulative)
