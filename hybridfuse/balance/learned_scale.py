from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.balance.base import Balance


class LearnedScale(Balance):
    r"""Multiplies each matrix by a learned positive number.

    $$A_i \exp(t_i)$$

    l = k; all start at 1.

    Args:
        dims: columns of each matrix; their number is k. A hybrid gives it.

    Raises:
        ValueError: if dims is not given, or there are more matrices.
    """

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__(dims)
        if self.dims is None:
            raise ValueError("learned_scale needs dims, the columns of each matrix, got None.")
        self.log_scale = nn.Parameter(torch.zeros(len(self.dims)))

    def known_factors(self, k: int) -> Sequence[Float[Tensor, ""]]:
        return list(self.log_scale[:k].exp())

    def scales(self) -> Float[Tensor, " k"]:
        return self.log_scale.detach().exp()

    def factors(self, index: int, matrix: Float[Tensor, "n p"]) -> Sequence[Float[Tensor, ""]]:
        if index >= len(self.log_scale):
            raise ValueError(f"learned_scale has scales for {len(self.log_scale)} matrices, got {index + 1}.")
        return [self.log_scale[index].exp()]
