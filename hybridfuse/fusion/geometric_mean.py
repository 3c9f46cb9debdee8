from hybridfuse.functional import means, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class GeometricMean(FoldedBase):
    r"""The geometric mean at each place, with the sign of the product.

    $$A = \operatorname{sgn}\Bigl(\prod_i A_i\Bigr) \prod_i |A_i|^{1/k}$$

    The root of the product where that is not negative; for an odd number of negative entries, minus the root of its
    absolute value. Zero wherever one matrix is: sparse as soon as one of them is. The gradient of an entry that is 0
    is 0; near 0, where it is steep, it is cut at the root of the largest number.

    References: Bullen (2003), Handbook of means and their inequalities, chapter II, section 1.
    """

    symmetric = True
    absorbs_zero = True

    def rule(self) -> reduction.Rule:
        return means.GeometricMean()
