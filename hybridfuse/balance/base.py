from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import layout, stream


class Balance(nn.Module, ABC):
    """Takes matrices, dense or sparse, to multiples of them that are fit to be fused; layouts stay.

    An author writes `factors`.

    Args:
        dims: columns of each matrix. Needed where parameters depend on their number; a hybrid gives it.

    Raises:
        ValueError: if dims is empty or holds a number below 1.
    """

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__()
        self.dims = None if dims is None else [check.whole("dims", dim) for dim in dims]
        if self.dims == []:
            raise ValueError("dims must hold the columns of at least one matrix, got [].")
        self._latest: list[Tensor] = []

    @abstractmethod
    def factors(self, index: int, matrix: Float[Tensor, "n p"]) -> Sequence[Float[Tensor, ""]]:
        """Numbers that the matrix of an index is multiplied by one after the other, so that nothing overflows."""

    def known_factors(self, k: int) -> Sequence[Float[Tensor, ""]] | None:
        """What the k matrices are multiplied by, whatever they are; None if that follows from them."""
        return None

    def forward(self, matrices: Iterable[Tensor]) -> Iterator[Float[Tensor, "n p"]]:
        """The balanced matrices, one by one: each is asked for when the one before has been taken."""
        self._latest = []
        for index, pieces in enumerate(stream.held(iter(matrices))):
            matrix = layout.compressed(pieces.pop())
            factors = self.factors(index, matrix)
            self._latest.append(torch.stack(list(factors)).detach().prod())
            for factor in factors:
                matrix = layout.scaled(matrix, factor[None, None].to(matrix.dtype))
            pieces.append(matrix)
            del matrix
            yield pieces.pop()

    def scales(self) -> Float[Tensor, " k"]:
        """What each matrix is multiplied by; where that follows from it, in the latest batch, and empty before one."""
        return torch.stack(self._latest) if self._latest else torch.empty(0)
