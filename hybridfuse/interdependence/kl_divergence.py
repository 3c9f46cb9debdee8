from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import statistic
from hybridfuse.functional.pairs import Pairs
from hybridfuse.functional.summary import Softmaxes
from hybridfuse.interdependence.pairwise_base import PairwiseBase


class KlDivergence(PairwiseBase):
    r"""Relates items by the divergence of their distributions, the softmax over features, from each other.

    $$A_{ij} = \operatorname{KL}(p_i \| p_j) = \sum_k p_{ki} (\log p_{ki} - \log p_{kj}), \quad
    p_i = \operatorname{softmax}(x_i)$$

    In [0, ∞), in nats, not symmetric, exactly 0 on the diagonal. Constant items are equal distributions, so are those
    of one feature: 0. Entries are cut off at 2⁻²⁴ of the largest number of the dtype, so that A is finite for any x.

    References: Kullback, Leibler (1951), On information and sufficiency; RPN 2 (2024), arXiv 2411.11162, statistical
        kernels.
    """

    cost = "n² d"

    def summary(self, items: Float[Tensor, "n d"]) -> Softmaxes:
        return Softmaxes.of(items)

    def from_summary(self, summary: Softmaxes) -> Float[Tensor, "n n"]:
        return statistic.kl_divergence_of_softmaxes(summary)

    def of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        return statistic.kl_divergence(items, pairs)
