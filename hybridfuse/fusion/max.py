from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Max(Elementwise):
    r"""The largest at each place.

    $$A = \max_i A_i$$

    Where several are largest, the gradient is shared evenly among them.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        return stack.amax(dim=0)
