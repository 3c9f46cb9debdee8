import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import attention
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class Attention(Interdependence):
    r"""Relates items by learned queries and keys.

    $$A = \frac{1}{H} \sum_{r=1}^{H} \operatorname{softmax}_{row}\left(\frac{Q_r K_r^\top}{\sqrt{h}}\right),
    \quad Q_r = X W_{Q,r}, K_r = X W_{K,r}, \quad W_{Q,r}, W_{K,r} \in \mathbb{R}^{d \times h}$$

    In [0, 1], rows sum to 1. l = 2 d h H: query is (W_Q,1 … W_Q,H), key the same. One item: A = (1). Zero items:
    1 / n everywhere. On the attribute axis all batches must have b rows. A is applied some rows at a time. A does
    not stream, since it is learned.

    Args:
        width: width h of the queries and keys of a head. At least 1.
        heads: number H of heads, of whose matrices A is the mean. At least 1.

    Raises:
        ValueError: if width or heads is below 1.

    References: Vaswani et al. (2017), Attention is all you need, equation 1 and section 3.2.2.
    """

    bound_sizes = frozenset({"d"})
    cost = "n² (heads width + d)"

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", width: int = 16, heads: int = 1
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.heads = check.whole("heads", heads)
        columns = check.whole("width", width) * heads
        self.query = nn.Parameter(torch.empty(self.d, columns).normal_(std=self.d**-0.5))
        self.key = nn.Parameter(torch.empty(self.d, columns).normal_(std=self.d**-0.5))

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return attention.matrix(items, self.query, self.key, self.heads)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
        return attention.entries(items, self.query, self.key, self.heads, pattern)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        return attention.product(transformed, items, self.query, self.key, self.heads)
