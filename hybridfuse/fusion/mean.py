from collections.abc import Sequence

from hybridfuse.functional import reduction, sums
from hybridfuse.fusion.folded_base import FoldedBase


class Mean(FoldedBase):
    r"""The mean at each place.

    $$A = \frac{1}{k} \sum_i A_i$$

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    symmetric = True
    keeps_one = True

    def coefficients(self, k: int) -> Sequence[float]:
        return [1.0 / k] * k

    def rule(self) -> reduction.Rule:
        return sums.Average()
