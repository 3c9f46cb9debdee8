from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Prod(Elementwise):
    r"""The product at each place.

    $$A = \prod_i A_i$$

    Zero wherever one matrix is: sparse as soon as one of them is.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    absorbs_zero = True

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        return stack.prod(dim=0)
