from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.functional import pool, sums
from hybridfuse.fusion.weighted_base import WeightedBase


class Gated(WeightedBase):
    r"""A mean whose weights follow from the matrices as wholes.

    $$A = \sum_i w_i A_i, \quad w = \operatorname{softmax}(W s + c), \quad
    s = (\sigma(\overline{A_1}), \sigma(\overline{|A_1|}), \ldots), \quad \sigma(t) = \frac{t}{1 + |t|}$$

    s holds the mean and the mean absolute value of all entries of each matrix. l = 2 k² + k: W (k, 2 k), then c. All
    start at 0, so that A is the mean.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.

    Raises:
        ValueError: if dims is not given, or the number of matrices is another.

    References: Hu et al. (2018), Squeeze-and-excitation networks, equations 2 and 3.
    """

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__(dims)
        self.gate = nn.Parameter(torch.zeros(self.k, 2 * self.k))
        self.bias = nn.Parameter(torch.zeros(self.k))
        self._latest: Tensor | None = None

    def weights(self) -> Float[Tensor, " k"]:
        return self.bias.detach().softmax(0) if self._latest is None else self._latest

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        pooled = pool.statistics(matrices).flatten()
        gate, bias = self.gate.to(pooled.dtype), self.bias.to(pooled.dtype)
        weights = (gate @ pooled + bias).softmax(0)
        self._latest = weights.detach()
        return self.entrywise(matrices, lambda parts: sums.weighted(weights, list(parts)))

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        return self.fuse(list(parts))
