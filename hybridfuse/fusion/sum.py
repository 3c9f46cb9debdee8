from hybridfuse.functional import fold, rule
from hybridfuse.fusion.folded_base import FoldedBase


class Sum(FoldedBase):
    r"""The sum at each place.

    $$A = \sum_i A_i$$

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    symmetric = True

    def rule(self) -> fold.Rule:
        return rule.Total()
