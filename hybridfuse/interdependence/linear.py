from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import kernel
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.streamed_base import StreamedBase


class Linear(StreamedBase):
    r"""Relates items by their inner product.

    $$A_{ij} = \langle x_i, x_j \rangle$$

    In (-inf, inf), symmetric, positive semi-definite; 0 for a zero item. At most the largest finite number of the
    dtype.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d, or n d² where that is less"

    def summary(self, items: Float[Tensor, "n d"]) -> Sums:
        return Sums(kernel.inner_products(items))

    def from_summary(self, summary: Sums) -> Float[Tensor, "n n"]:
        return summary.total

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        n, d, e = *items.shape, transformed.shape[1]
        if self.reference is not None or 2 * d * e >= n * (d + e):
            return super().transform(items, transformed)
        return kernel.linear_product(transformed, items)
