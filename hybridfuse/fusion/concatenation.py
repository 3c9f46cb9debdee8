from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.fusion.stacking_base import StackingBase


class Concatenation(StackingBase):
    r"""The matrices side by side.

    $$A = [A_1 \; A_2 \cdots A_k], \quad p = \sum_i p_i$$

    Sparse if all matrices are.

    References: RPN 2 (2024), arXiv 2411.11162, concatenation fusion.
    """

    keeps_one = True

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        return layout.concatenate(matrices)

    def mapped(self, products: Float[Tensor, "w e"]) -> Float[Tensor, "w e"]:
        return products

    def gives_sparse(self, sparse: Sequence[bool]) -> bool:
        return all(sparse)

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        return sum(self._dims(dims))
