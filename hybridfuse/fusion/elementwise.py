"""Fusions that make each entry of the k entries at its place."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.fusion.base import Fusion


class Elementwise(Fusion):
    """Matrices of one shape, reduced entry by entry. An author writes `reduce`."""

    keeps_zero: ClassVar[bool] = True
    """Whether k zeros reduce to zero, so that sparse matrices stay sparse."""
    absorbs_zero: ClassVar[bool] = False
    """Whether one zero is enough, so that one sparse matrix makes the result sparse."""

    @abstractmethod
    def reduce(self, stack: Float[Tensor, " k *entries"]) -> Float[Tensor, " *entries"]:
        """One number of k, at each place."""

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        sparse = [layout.is_sparse(matrix) for matrix in matrices]
        if any(sparse) and self.absorbs_zero:
            return layout.reduce_intersection(matrices, self.reduce)
        if all(sparse) and self.keeps_zero:
            return layout.reduce_union(matrices, self.reduce)
        return self.reduce(torch.stack([layout.dense(matrix) for matrix in matrices]))

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        dims = self._dims(dims)
        if len(set(dims)) > 1:
            raise ValueError(
                f"{self.name} needs matrices of one shape, got {', '.join(map(str, dims))} columns; "
                "fusion=concatenation takes them side by side."
            )
        return dims[0]
