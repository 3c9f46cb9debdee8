from jaxtyping import Float
from torch import Tensor

from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.chain_base import ChainBase
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess


class Chain(ChainBase, Structural):
    r"""Relates each item to the next one, and to itself.

    $$A_{ij} = [j = i + 1] + [\text{bi\_directional and } j = i - 1] + s\,[i = j]$$

    Sparse. In {0, 1, s}, before it is normalised. Item j of the output receives what stands before it, and s times
    itself. One item: A = (s).

    Raises:
        ValueError: if self_scaling is not finite.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, chain.
    """

    sparse = True
    cost = "n d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        bi_directional: bool = False,
        self_dependence: bool = True,
        self_scaling: float = 1.0,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, bi_directional, self_dependence, self_scaling, normalization)
        self.store()

    def structure(self, n: int) -> Float[Tensor, "n n"]:
        return self.adjacency(n)
