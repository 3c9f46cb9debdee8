from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.bandwidth import Positive
from hybridfuse.functional import distance, kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class Exponential(EntrywiseBase):
    r"""Relates items by an exponential of their squared distance.

    $$A_{ij} = \exp(-\gamma \|x_i - x_j\|_2^2)$$

    In [0, 1], symmetric, positive semi-definite, exactly 1 on the diagonal. Squared distances grow with the number
    of features: gamma near its inverse keeps entries away from 0.

    Args:
        gamma: inverse of the squared distance, in the units of x, at which the entry has fallen to exp(-1). Above 0.
        learnable: whether gamma is learned.

    Raises:
        ValueError: if gamma is not above 0.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        gamma: float = 1.0,
        learnable: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.start = check.positive("gamma", gamma)
        self.gamma = Positive(self.start) if check.truth("learnable", learnable) else None

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        return Sums(distance.squared_euclidean(items, self.start**-0.5, pairs))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        gamma = 1.0 if self.gamma is None else self.gamma(summary.total, self.start)
        return kernel.exponential(summary.total, gamma)
