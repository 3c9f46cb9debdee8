from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Mean(Elementwise):
    r"""The mean at each place.

    $$A = \frac{1}{k} \sum_i A_i$$

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        return stack.mean(dim=0)
