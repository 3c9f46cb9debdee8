import math

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import distance
from hybridfuse.functional.pairs import Pairs
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.distance_base import DistanceBase


class MinkowskiDistance(DistanceBase):
    r"""Relates items by their nearness in a norm of any order.

    $$A_{ij} = \exp\left(-\left(\sum_k |x_{ik} - x_{jk}|^p\right)^{1/p}\right)$$

    In [0, 1], symmetric, exactly 1 on the diagonal; an infinite order p takes the largest difference. Where two items
    have the same entry, the gradient towards each other is 0, also for orders below 1, whose slopes are infinite
    there.

    Args:
        order: p, without a unit; 1, 2 and infinity are `manhattan_distance`, `euclidean_distance` and
            `chebyshev_distance`, and several times cheaper than others. Above 0.

    Raises:
        ValueError: if order is not above 0.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", order: float = 3.0
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.order = math.inf if order == math.inf else check.positive("order", order)

    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return distance.minkowski(items, self.order, pairs)
