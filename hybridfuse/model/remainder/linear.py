import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.model.remainder.base import Remainder


class Linear(Remainder):
    r"""Adds a learned linear map of the input.

    $$\pi(X) = X W^\top, \quad W \in \mathbb{R}^{outputs \times m}$$

    Entries of W start with variance 1 / m.
    """

    def __init__(self, m: int, outputs: int) -> None:
        super().__init__(m, outputs)
        self.weight = nn.Parameter(torch.empty(outputs, m).normal_(std=m**-0.5))

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return x @ self.weight.mT
