from hybridfuse.functional import means, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class Prod(FoldedBase):
    r"""The product at each place.

    $$A = \prod_i A_i$$

    Zero wherever one matrix is: sparse as soon as one of them is, with the entries that all sparse ones have.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    symmetric = True
    keeps_one = True
    absorbs_zero = True

    def rule(self) -> reduction.Rule:
        return means.Product()
