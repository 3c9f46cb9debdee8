import math

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance
from hybridfuse.functional.pairs import Pairs
from hybridfuse.interdependence.distance_base import DistanceBase


class ChebyshevDistance(DistanceBase):
    r"""Relates items by their nearness in the largest difference of their features.

    $$A_{ij} = \exp(-\max_k |x_{ik} - x_{jk}|)$$

    In [0, 1], symmetric, exactly 1 on the diagonal; features that tie for the largest difference share the gradient,
    and items that coincide have gradient 0 towards each other.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    order = math.inf

    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return distance.chebyshev(items, pairs)
