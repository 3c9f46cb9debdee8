from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import statistic
from hybridfuse.functional.pairs import ALL, LinkedPairs, Pairs, pays
from hybridfuse.interdependence.base import Interdependence


class SpearmanCorrelation(Interdependence):
    r"""Relates items by the linear correlation of the ranks of their features.

    $$A_{ij} = \frac{\langle c_i, c_j \rangle}{\|c_i\|_2 \|c_j\|_2}, \quad c_{ki} = \operatorname{rank}(x_{ki}) -
    \frac{d + 1}{2}$$

    In [-1, 1], symmetric, 1 on the diagonal; the same for any increasing function of an item. Equal features share
    the mean of their ranks; a constant item correlates 0 with all others. Ranks are steps, so A has no gradient
    towards x, and need all features at once, so A cannot be streamed; pearson_correlation can.

    Raises:
        ValueError: from `calculate_A` and `forward`, if an item has fewer than 2 features.

    References: Spearman (1904), The proof and measurement of association between two things.
    """

    cost = "n d log d + n² d"
    differentiable = False

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return self._of_pairs(items, ALL)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
        return self._of_pairs(items, LinkedPairs(pattern)) if pays(pattern) else super().entries(items, pattern)

    def _of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        statistic.check_observations(self.name, items.shape[1])
        return statistic.spearman_correlation(items, pairs)
