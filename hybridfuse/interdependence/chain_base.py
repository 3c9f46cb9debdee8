"""What all chains have in common."""

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.stored_base import StoredBase
from hybridfuse.postprocess.base import Postprocess


class ChainBase(StoredBase):
    """Links each item to the next one; `adjacency` is the matrix of these links.

    Args:
        bi_directional: whether each item is related to the one before it, too.
        self_dependence: whether each item is related to itself.
        self_scaling: the weight s of that relation; 0 without self_dependence.
        normalization: applied to the matrix of links, such as `hybridfuse.postprocess.Row`; none by default.
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

    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        """The matrix of the links in float64, sparse, with self-links and normalised."""
        matrix = graph.chain(n, self.bi_directional, self.self_scaling)
        return matrix if self.normalization is None else self.normalization(matrix)
