from hybridfuse.functional import extremes, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class Max(FoldedBase):
    r"""The largest at each place.

    $$A = \max_i A_i$$

    Where several are largest, the gradient is shared evenly among them.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    symmetric = True
    keeps_one = True

    def rule(self) -> reduction.Rule:
        return extremes.Extreme(largest=True)
