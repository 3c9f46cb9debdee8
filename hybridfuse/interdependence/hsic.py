from jaxtyping import Float
from torch import Tensor

from hybridfuse.bandwidth import Bandwidth
from hybridfuse.functional import dependence, precision, statistic
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class Hsic(Interdependence):
    r"""Relates items by any dependence between them, seen in Gaussian kernels of their features.

    $$A_{ij} = \frac{\langle K_i, K_j \rangle}{\|K_i\| \|K_j\|}, \quad K_i = H \left(\exp\left(-\frac{(x_{ki} -
    x_{li})^2}{2 \sigma^2}\right)\right)_{kl} H, \quad H = I - \frac{1}{d} 1 1^\top$$

    In [0, 1], symmetric, 1 on the diagonal; the normalised Hilbert-Schmidt independence criterion, or centred kernel
    alignment. A constant item has 0 with all others. With a small sigma all items look alike, as each feature is
    similar to itself alone; with a large one A is the squared correlation. It needs all pairs of features, so A
    cannot be streamed.

    Args:
        sigma: distance of two features, in the units of x, at which their similarity has fallen to exp(-1/2); or
            `median`, which is that of the positive distances between the features of an item, for each item its own.
            Above 0.
        learnable: whether sigma is learned, or a factor of the medians.

    Raises:
        ValueError: if sigma is neither above 0 nor `median`; from `calculate_A` and `forward`, if an item has fewer
            than 2 features.

    References: Gretton, Bousquet, Smola, Schölkopf (2005), Measuring statistical dependence with Hilbert-Schmidt norms,
        section 3; Kornblith et al. (2019), Similarity of neural network representations revisited, equation 4.
    """

    cost = "n² d²"

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

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, items.shape[1])
        return precision.full(self._of_wide)(items)

    def _of_wide(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        unit = None if self.sigma.is_median else self.sigma.unit
        factor = 1.0 if self.sigma.learned is None else self.sigma.learned(items, self.sigma.unit)
        return dependence.hsic(items, unit, factor)
