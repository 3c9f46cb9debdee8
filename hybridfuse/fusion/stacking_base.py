"""Fusions that put matrices side by side."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Fusion


class StackingBase(Fusion):
    """A = [A_1 … A_k], or that times another matrix: Aᵀ Z follows from the products of the parts, one below the other.

    An author writes `mapped`, and `saves` where that costs more than to build A at times.
    """

    @abstractmethod
    def mapped(self, products: Float[Tensor, "w e"]) -> Float[Tensor, "p e"]:
        """Aᵀ Z from [A_1 … A_k]ᵀ Z."""

    def saves(self, n: int, e: int, built: int) -> bool:
        """Whether that takes no more multiplications than A.

        Args:
            n: rows of the matrices.
            e: columns of Z.
            built: columns of those matrices that are applied as they are, n multiplications a column.
        """
        return True
