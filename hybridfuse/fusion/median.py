from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import fold, ranked
from hybridfuse.fusion.base import Elementwise


class Median(Elementwise):
    r"""The median at each place.

    $$A = \operatorname{median}_i A_i$$

    For an even number of matrices, the mean of the two in the middle. Equal entries share the gradient evenly.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    symmetric = True
    keeps_one = True

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        k = len(parts)
        return fold.reduced(ranked.Middle((k - 1) // 2, k // 2), list(parts))
