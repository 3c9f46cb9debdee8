from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import fold, layout, pool, sums
from hybridfuse.fusion.weighted_base import WeightedBase


class Attention(WeightedBase):
    r"""A mean whose weights follow from the matrices, row by row or entry by entry, by learned queries.

    $$A_{ij} = \sum_r w_{r,i} A_{r,ij}, \quad w_{\cdot,i} = \operatorname{softmax}_r(q_r \cdot s_{r,i} + c_r), \quad
    s_{r,i} = (\sigma(\overline{A_{r,i\cdot}}), \sigma(\overline{|A_{r,i\cdot}|}))$$

    s holds the mean and the mean absolute value of a row, or an entry and its absolute value; σ(t) = t / (1 + |t|).
    l = 3 k: q (k, 2), then c. All start at 0, so that A is the mean.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.
        per_entry: whether each entry has weights of its own, rather than each row.

    Raises:
        ValueError: if dims is not given, or the number of matrices is another.

    References: Bahdanau et al. (2015), Neural machine translation by jointly learning to align and translate,
        section 3.1; Veličković et al. (2018), Graph attention networks, equation 2.
    """

    def __init__(self, dims: Sequence[int] | None = None, per_entry: bool = False) -> None:
        super().__init__(dims)
        self.per_entry = check.truth("per_entry", per_entry)
        self.query = nn.Parameter(torch.zeros(self.k, 2))
        self.bias = nn.Parameter(torch.zeros(self.k))
        self._latest: Tensor | None = None

    def weights(self) -> Float[Tensor, " k"]:
        return self.bias.detach().softmax(0) if self._latest is None else self._latest

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        if self.per_entry:
            return self.entrywise(matrices, self.reduce)
        shares = self._shares(*pool.row_statistics(matrices).unbind(1))
        whole = not any(map(layout.is_sparse, matrices)) and matrices[0].dtype == shares.dtype
        if whole and not fold.is_small(matrices[0]):
            return sums.by_rows(shares, matrices)
        factors = [share[:, None].to(matrix.dtype) for share, matrix in zip(shares, matrices, strict=True)]
        weighted = [layout.scaled(matrix, factor) for matrix, factor in zip(matrices, factors, strict=True)]
        return self.entrywise(weighted, lambda parts: fold.reduced(sums.Total(), list(parts)))

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        parts = list(parts)
        shares = self._shares(*pool.entry_statistics(parts))
        return fold.reduced(
            sums.Total(), [part * share.to(part.dtype) for part, share in zip(parts, shares, strict=True)]
        )

    def _shares(self, means: Float[Tensor, "k ..."], sizes: Float[Tensor, "k ..."]) -> Float[Tensor, "k ..."]:
        """Weights, which sum to 1 over the matrices."""
        learned = torch.cat([self.query, self.bias[:, None]], dim=1).to(means.dtype)
        of_mean, of_size, bias = learned.mT.reshape(3, self.k, *[1] * (means.ndim - 1))
        shares = (of_mean * means + of_size * sizes + bias).softmax(0)
        self._latest = shares.detach().flatten(1).mean(dim=1)
        return shares
