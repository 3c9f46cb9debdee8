from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import propagate
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.chain_base import ChainBase
from hybridfuse.interdependence.propagated_base import PropagatedBase
from hybridfuse.postprocess.base import Postprocess


class MultihopChain(ChainBase, PropagatedBase):
    r"""Relates each item to those that are several steps away.

    $$A = B^h \quad\text{or, accumulative,}\quad A = \sum_{i=0}^{h} B^i$$

    Sparse. In [0, ∞) for a self_scaling of at least 0. B is the matrix of `chain`, with a step to oneself among the
    others; A_ij counts the ways from i to j of h steps, or of up to h steps. No hops: the identity. One-directional,
    without self_dependence and with more hops than items: zero. Counts of many hops both ways grow without bound
    unless B is normalised.

    Args:
        hops: the number h of steps. At least 0.
        accumulative: whether fewer steps count, too.

    Raises:
        ValueError: if hops is below 0, or self_scaling not finite.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, multi-hop chain.
    """

    sparse = True
    cost = "h n d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        bi_directional: bool = False,
        self_dependence: bool = True,
        self_scaling: float = 1.0,
        normalization: Postprocess | None = None,
        hops: int = 1,
        accumulative: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type, bi_directional, self_dependence, self_scaling, normalization)
        self.hops = check.whole("hops", hops, least=0)
        self.accumulative = check.truth("accumulative", accumulative)
        self.store()

    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return propagate.hops(links, self.hops, self.accumulative)

    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return propagate.over_hops(links.product, items, self.hops, self.accumulative)
