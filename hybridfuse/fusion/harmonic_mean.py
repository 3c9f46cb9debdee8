from hybridfuse.functional import means, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class HarmonicMean(FoldedBase):
    r"""The harmonic mean at each place.

    $$A = \frac{k}{\sum_i 1 / A_i}$$

    Zero wherever one matrix is, or is so small that inverses overflow: sparse as soon as one of them is sparse. It has
    a pole where positive and negative entries have inverses that cancel; there it is 0, too.
    Where entries are 0, they share the gradient that equal entries near 0 have.

    References: Bullen (2003), Handbook of means and their inequalities, chapter II, section 1.
    """

    symmetric = True
    absorbs_zero = True

    def rule(self) -> reduction.Rule:
        return means.HarmonicMean()
