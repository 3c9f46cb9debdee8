from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import fold, ranked
from hybridfuse.fusion.base import Elementwise


class TrimmedMean(Elementwise):
    r"""The mean at each place without the smallest and the largest.

    $$A = \frac{1}{k - 2 c} \sum_{i=c+1}^{k-c} A_{(i)}, \quad c = \lfloor share \cdot k \rfloor$$

    A_(i) is the i-th smallest. Equal entries share the gradient evenly.

    Args:
        share: share of the matrices that is left out at each end. In [0, 0.5).

    Raises:
        ValueError: if share is outside [0, 0.5).

    References: Tukey and McLaughlin (1963), Less vulnerable confidence and significance procedures, section 3.
    """

    symmetric = True
    keeps_one = True

    def __init__(self, dims: Sequence[int] | None = None, share: float = 0.25) -> None:
        super().__init__(dims)
        self.share = check.number("share", share)
        if not 0 <= self.share < 0.5:
            raise ValueError(f"share must be in [0, 0.5), got {share}.")

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        k = len(parts)
        cut = int(self.share * k)
        return fold.reduced(ranked.Middle(cut, k - 1 - cut), list(parts))
