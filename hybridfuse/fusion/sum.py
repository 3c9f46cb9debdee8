from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Sum(Elementwise):
    r"""The sum at each place.

    $$A = \sum_i A_i$$

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        return stack.sum(dim=0)
