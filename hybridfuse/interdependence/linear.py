from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import applied, kernel
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Sums
from hybridfuse.interdependence.entrywise_base import EntrywiseBase


class Linear(EntrywiseBase):
    r"""Relates items by their inner product.

    $$A_{ij} = \langle x_i, x_j \rangle$$

    In (-inf, inf), symmetric, positive semi-definite; 0 for a zero item. At most the largest finite number of the
    dtype.

    References: RPN 2 (2024), arXiv 2411.11162, numerical kernels.
    """

    cost = "n² d, or n d² where that is less"

    def summary(self, items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Sums:
        return Sums(pairs.inner_products(items))

    def from_summary(self, summary: Sums) -> Float[Tensor, "*pairs"]:
        return summary.total

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        n, d = items.shape
        return self.reference is not None or _is_cheaper(n, d, e)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
        if self.reference is not None:
            return super().transform(items, transformed)
        if self.builds_matrix(items, transformed.shape[1]):
            return applied.times(transformed.mT, items.mT).mT
        return kernel.linear_product(transformed, items)

    def transform_rows(self, features: Float[Tensor, "d n"], rows: Float[Tensor, "e n"]) -> Float[Tensor, "e n"]:
        d, n = features.shape
        if self.reference is None and _is_cheaper(n, d, rows.shape[0]):
            return applied.times(rows, features)
        return super().transform_rows(features, rows)


def _is_cheaper(n: int, d: int, e: int) -> bool:
    """Whether the matrix of n items of d features takes fewer operations, applied to e columns, than d by e numbers."""
    return 2 * d * e >= n * (d + e)
