from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance
from hybridfuse.functional.pairs import Pairs
from hybridfuse.interdependence.distance_base import DistanceBase


class EuclideanDistance(DistanceBase):
    r"""Relates items by their nearness in Euclidean distance.

    $$A_{ij} = \exp(-\|x_i - x_j\|_2)$$

    In [0, 1], symmetric, exactly 1 on the diagonal; items that coincide have gradient 0 towards each other.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    order = 2.0

    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return distance.euclidean(items, pairs)
