from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance
from hybridfuse.functional.pairs import Pairs
from hybridfuse.interdependence.distance_base import DistanceBase


class ManhattanDistance(DistanceBase):
    r"""Relates items by their nearness in the sum of the differences of their features.

    $$A_{ij} = \exp(-\|x_i - x_j\|_1)$$

    In [0, 1], symmetric, exactly 1 on the diagonal; where two items have the same entry, the gradient towards each
    other is 0. Distances grow with the number of features: `laplacian` divides them by a sigma.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return distance.manhattan(items, pairs=pairs)
