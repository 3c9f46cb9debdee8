from hybridfuse.functional import magnitudes, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class L1Norm(FoldedBase):
    r"""The sum of absolute values at each place.

    $$A = \sum_i |A_i|$$

    The gradient of an entry that is 0 is 0.

    References: RPN 2 (2024), arXiv 2411.11162, l1 norm fusion.
    """

    symmetric = True

    def rule(self) -> reduction.Rule:
        return magnitudes.AbsoluteSum()
