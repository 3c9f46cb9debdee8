from hybridfuse.functional import magnitudes, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class L2Norm(FoldedBase):
    r"""The Euclidean norm at each place.

    $$A = \sqrt{\sum_i A_i^2}$$

    Where all entries are 0, so is the gradient. No square overflows.

    References: RPN 2 (2024), arXiv 2411.11162, l2 norm fusion.
    """

    symmetric = True

    def rule(self) -> reduction.Rule:
        return magnitudes.EuclideanNorm()
