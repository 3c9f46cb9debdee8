from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.bandwidth import Bandwidth
from hybridfuse.functional import distance, kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class Matern(EntrywiseBase):
    r"""Relates items by the Matérn covariance of their distance.

    $$A_{ij} = \frac{2^{1 - \nu}}{\Gamma(\nu)} t^\nu K_\nu(t), \quad t = \sqrt{2 \nu} \|x_i - x_j\|_2 / \sigma$$

    In [0, 1], symmetric, positive semi-definite, exactly 1 on the diagonal. Smoothness 0.5 is exp(-t), with a kink
    and the gradient 0 where items coincide; 1.5 is (1 + t) exp(-t), 2.5 is (1 + t + t²/3) exp(-t).

    Args:
        sigma: distance, in the units of x, over which entries fall; `median` takes the median distance of the items.
            Above 0.
        smoothness: ν, one of 0.5, 1.5, 2.5.
        learnable: whether sigma, or a factor of the median, is learned.

    Raises:
        ValueError: if sigma is neither above 0 nor `median`, or smoothness is none of the three.

    References: Rasmussen, Williams (2006), Gaussian Processes for Machine Learning, equations 4.14 to 4.17.
    """

    cost = "n² d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        sigma: float | str = 1.0,
        smoothness: float = 1.5,
        learnable: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.sigma = Bandwidth(sigma, learnable)
        self.smoothness = check.number("smoothness", smoothness)
        if self.smoothness not in (0.5, 1.5, 2.5):
            raise ValueError(f"smoothness must be one of 0.5, 1.5, 2.5, got {smoothness}.")

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        return Sums(distance.squared_euclidean(items, self.sigma.unit, pairs))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        return kernel.matern(self.sigma.relative(summary.total, power=2), int(self.smoothness))
