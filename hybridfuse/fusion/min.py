from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Min(Elementwise):
    r"""The smallest at each place.

    $$A = \min_i A_i$$

    Where several are smallest, the gradient is shared evenly among them.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        return stack.amin(dim=0)
