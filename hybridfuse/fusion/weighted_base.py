"""Sums whose weights are learned or follow from the matrices."""

from abc import abstractmethod
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class WeightedBase(Elementwise):
    """A sum of k matrices with weights that can be read, as `dims` names them; a callback logs them.

    An author writes `weights`.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.

    Raises:
        ValueError: if dims is not given, or the number of matrices is another.
    """

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__(dims)
        self.k = len(self._dims(None))

    @abstractmethod
    def weights(self) -> Float[Tensor, " k"]:
        """The weight of each matrix; where it differs by place or by batch, its mean in the latest batch."""

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        n, k = super().calculate_n(dims), len(self._dims(dims))
        if k != self.k:
            raise ValueError(f"{self.name} has weights for {self.k} matrices, got {k}.")
        return n
