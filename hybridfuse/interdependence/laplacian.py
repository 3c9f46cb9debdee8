from jaxtyping import Float
from torch import Tensor

from hybridfuse.bandwidth import Bandwidth
from hybridfuse.functional import distance, kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Norms
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class Laplacian(EntrywiseBase):
    r"""Relates items by an exponential of the sum of the differences of their features.

    $$A_{ij} = \exp\left(-\frac{\|x_i - x_j\|_1}{\sigma}\right)$$

    In [0, 1], symmetric, positive semi-definite, exactly 1 on the diagonal; where two items have the same entry, the
    gradient towards each other is 0. Distances grow with the number of features: sigma near it keeps entries away
    from 0.

    Args:
        sigma: distance, in the units of x, at which the entry has fallen to exp(-1); `median` takes the median
            distance of the items. Above 0.
        learnable: whether sigma, or a factor of the median, is learned.

    Raises:
        ValueError: if sigma is neither above 0 nor `median`.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        sigma: float | str = 1.0,
        learnable: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.sigma = Bandwidth(sigma, learnable)

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Norms:
        return Norms(distance.manhattan(items, self.sigma.unit, pairs), 1.0)

    def from_summary(self, summary: Norms) -> Float[Tensor, "*pairs"]:
        return kernel.exponential(self.sigma.relative(summary.norm), 1.0)
