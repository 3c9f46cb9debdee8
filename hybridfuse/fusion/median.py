from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Median(Elementwise):
    r"""The median at each place.

    $$A = \operatorname{median}_i A_i$$

    For an even number of matrices, the mean of the two in the middle.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        k = stack.shape[0]
        ordered = stack.sort(dim=0).values
        return ordered[(k - 1) // 2] / 2 + ordered[k // 2] / 2
