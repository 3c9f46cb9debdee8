import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import sums
from hybridfuse.fusion.weighted_base import WeightedBase


class WeightedSumLearned(WeightedBase):
    r"""A sum with a learned weight for each matrix.

    $$A = \sum_i w_i A_i$$

    l = k; the weights start at 1 / k.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.
        constraint: a module that takes the k parameters to the weights, such as `torch.nn.Softmax(dim=0)` for weights
            that sum to 1 or `torch.nn.Softplus()` for positive ones, in units in which they start at 1 / k; by default
            the weights are free.

    Raises:
        ValueError: if dims is not given, the number of matrices is another, or the constraint does not give k weights.

    References: RPN 2 (2024), arXiv 2411.11162, parameterized weighted summation fusion.
    """

    def __init__(self, dims: Sequence[int] | None = None, constraint: nn.Module | None = None) -> None:
        super().__init__(dims)
        self.weight = nn.Parameter(torch.full((self.k,), 1.0 / self.k))
        self.constraint = None if constraint is None else check.kind("constraint", constraint, nn.Module)
        start = torch.full((self.k,), 1.0 / self.k, dtype=torch.float64)
        if self.constraint is not None:
            start = copy.deepcopy(self.constraint).double()(start).detach()
        if start.shape != (self.k,) or not start[0] or not start.isfinite().all():
            raise ValueError(f"constraint must give {self.k} weights other than 0, got {start.tolist()}.")
        self._unit = 1.0 if constraint is None else 1.0 / self.k / float(start[0])

    def weights(self) -> Float[Tensor, " k"]:
        return self._constrained() * self._unit

    def coefficients(self, k: int) -> Sequence[Tensor]:
        return list(self.weights())

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        return sums.weighted(self.weights(), list(parts))

    def _constrained(self) -> Tensor:
        return self.weight if self.constraint is None else self.constraint(self.weight)
