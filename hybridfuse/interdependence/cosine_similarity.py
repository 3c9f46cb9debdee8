from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import kernel
from hybridfuse.functional.pairs import Pairs
from hybridfuse.functional.summary import Products
from hybridfuse.interdependence.pairwise_base import PairwiseBase


class CosineSimilarity(PairwiseBase):
    r"""Relates items by the cosine of the angle between them.

    $$A_{ij} = \frac{\langle x_i, x_j \rangle}{\|x_i\|_2 \|x_j\|_2}$$

    In [-1, 1], symmetric, 1 on the diagonal; the row, column and diagonal of a zero item are 0.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d"

    def summary(self, items: Float[Tensor, "n d"]) -> Products:
        return Products.of(items)

    def from_summary(self, summary: Products) -> Float[Tensor, "n n"]:
        return kernel.cosine_of_products(summary.products, summary.present)

    def of_pairs(self, items: Float[Tensor, "n d"], pairs: Pairs) -> Float[Tensor, "*pairs"]:
        """From the items themselves, which is cheaper."""
        return kernel.cosine_similarity(items, pairs)
