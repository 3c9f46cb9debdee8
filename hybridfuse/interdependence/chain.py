from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess


class Chain(Structural):
    r"""Relates each item to the next one, and to itself.

    $$A_{ij} = [j = i + 1] + [\text{bi\_directional and } j = i - 1] + s\,[i = j]$$

    Sparse. Item j of the output receives what stands before it, and s times itself. One item: A = (s).

    Args:
        bi_directional: whether each item is related to the one before it, too.
        self_dependence: whether each item is related to itself.
        self_scaling: the weight s of that relation; 0 without self_dependence.
        normalization: applied to A at the end, such as `hybridfuse.postprocess.Row`; none by default.

    Raises:
        ValueError: if self_scaling is not finite.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, chain.
    """

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
        super().__init__(b, m, interdependence_type)
        self.bi_directional = check.truth("bi_directional", bi_directional)
        check.truth("self_dependence", self_dependence)
        self.self_scaling = check.number("self_scaling", self_scaling) if self_dependence else 0.0
        self.normalization = normalization
        self.store()

    def structure(self, n: int) -> Float[Tensor, "n n"]:
        matrix = graph.chain(n, self.bi_directional, self.self_scaling)
        return matrix if self.normalization is None else self.normalization(matrix)
