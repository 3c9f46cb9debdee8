from jaxtyping import Float
from torch import Tensor

from hybridfuse.model.remainder.base import Remainder


class Zero(Remainder):
    r"""Adds nothing.

    $$\pi(X) = 0$$
    """

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "1 1"]:
        return x.new_zeros(1, 1)
