import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class Attention(Interdependence):
    r"""Relates items by learned queries and keys.

    $$A = \operatorname{softmax}_{row}\left(\frac{Q K^\top}{\sqrt{h}}\right), \quad Q = X W_Q, K = X W_K,
    \quad W_Q, W_K \in \mathbb{R}^{d \times h}$$

    In [0, 1], rows sum to 1. l = 2 d h. One item: A = (1). On the attribute axis all batches must have b rows.

    Args:
        width: width h of queries and keys. At least 1.

    Raises:
        ValueError: if width is below 1.

    References: Vaswani et al. (2017), Attention is all you need, equation 1.
    """

    bound_sizes = frozenset({"d"})

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", width: int = 16
    ) -> None:
        super().__init__(b, m, interdependence_type)
        check.whole("width", width)
        self.query = nn.Parameter(torch.empty(self.d, width).normal_(std=self.d**-0.5))
        self.key = nn.Parameter(torch.empty(self.d, width).normal_(std=self.d**-0.5))

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return kernel.attention(items, self.query, self.key)
