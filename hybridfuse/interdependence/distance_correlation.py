from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import dependence, statistic
from hybridfuse.interdependence.base import Interdependence


class DistanceCorrelation(Interdependence):
    r"""Relates items by any dependence between them, linear or not, seen in the distances of their features.

    $$A_{ij} = \left(\frac{\langle D_i, D_j \rangle}{\|D_i\| \|D_j\|}\right)^{1/2}, \quad D_i = H
    \left(|x_{ki} - x_{li}|\right)_{kl} H, \quad H = I - \frac{1}{d} 1 1^\top$$

    In [0, 1], symmetric, 1 on the diagonal; 1 for items that are linear in each other. It is the V-statistic, whose
    mean is above 0 for independent items of few features. A constant item has 0 with all others. The gradient is that
    of a side where two features of an item are equal. It needs all pairs of features, so A cannot be streamed.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Székely, Rizzo, Bakirov (2007), Measuring and testing dependence by correlation of distances,
        definition 5.
    """

    cost = "n² d²"

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        statistic.check_observations(self.name, items.shape[1])
        return dependence.distance_correlation(items)
