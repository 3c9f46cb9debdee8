from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import distance
from hybridfuse.functional.pairs import Pairs
from hybridfuse.interdependence.distance_base import DistanceBase


class CanberraDistance(DistanceBase):
    r"""Relates items by their nearness in differences relative to the size of the entries.

    $$A_{ij} = \exp\left(-\sum_k \frac{|x_{ik} - x_{jk}|}{|x_{ik}| + |x_{jk}|}\right)$$

    In [0, 1], symmetric, exactly 1 on the diagonal; a term is 0 where both entries are 0, and 1 where one is 0 or
    their signs differ, so data are best not centred. Free of the unit of each feature. The gradient towards each
    other is 0 where two items have the same entry, and an entry of 0 has none.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels; Lance, Williams (1966), Computer programs for
    hierarchical polythetic classification.
    """

    def distances(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return distance.canberra(items, pairs)
