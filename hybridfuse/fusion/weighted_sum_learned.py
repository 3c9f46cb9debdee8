from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.fusion.base import Elementwise


class WeightedSumLearned(Elementwise):
    r"""A sum with a learned weight for each matrix.

    $$A = \sum_i w_i A_i$$

    l = k; the weights start at 1 / k.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.

    Raises:
        ValueError: if dims is not given, or the number of matrices is another.

    References: RPN 2 (2024), arXiv 2411.11162, parameterized weighted summation fusion.
    """

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__(dims)
        k = len(self._dims(None))
        self.weight = nn.Parameter(torch.full((k,), 1.0 / k))

    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        if stack.shape[0] != self.weight.shape[0]:
            raise ValueError(f"{self.name} has weights for {self.weight.shape[0]} matrices, got {stack.shape[0]}.")
        return torch.tensordot(self.weight.to(stack.dtype), stack, dims=1)
