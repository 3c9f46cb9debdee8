from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import reduction, sums
from hybridfuse.fusion.folded_base import FoldedBase


class WeightedSum(FoldedBase):
    r"""A sum with a given weight for each matrix.

    $$A = \sum_i w_i A_i$$

    Weights are kept in the state.

    Args:
        weights: w, a number for each matrix, a list or a tensor; 1 / k each by default.

    Raises:
        ValueError: if weights are not finite, or their number is not that of dims or of the matrices.

    References: RPN 2 (2024), arXiv 2411.11162, weighted summation fusion.
    """

    keeps_one = True

    def __init__(self, dims: Sequence[int] | None = None, weights: Sequence[float] | Tensor | None = None) -> None:
        super().__init__(dims)
        self.weights: Tensor | None
        self.register_buffer("weights", None if weights is None else _checked(weights))
        if self.dims is not None:
            self._check_number(len(self.dims))

    def coefficients(self, k: int) -> Sequence[float | Tensor]:
        return [1.0 / k] * k if self.weights is None else list(self.weights)

    def rule(self) -> reduction.Rule:
        return sums.Average() if self.weights is None else sums.Weighted(self.weights)

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        self._check_number(len(self._dims(dims)))
        return super().calculate_n(dims)

    def _check_number(self, k: int) -> None:
        if self.weights is not None and len(self.weights) != k:
            raise ValueError(f"{self.name} has weights for {len(self.weights)} matrices, got {k}.")


def _checked(weights: object) -> Float[Tensor, " k"]:
    """In torch's dtype, apart from the caller's."""
    try:
        numbers = weights.tolist() if isinstance(weights, Tensor) else list(weights)  # pyright: ignore[reportArgumentType]
    except TypeError as error:
        raise TypeError(f"weights must be a list of numbers, got {weights!r}.") from error
    return torch.tensor([check.number("weights", number) for number in numbers])
