from jaxtyping import Float
from torch import Tensor

from hybridfuse.model.transformation.base import Transformation


class Identity(Transformation):
    r"""Leaves the data as it is.

    $$\kappa(x) = x$$
    """

    @property
    def width(self) -> int:
        return self.m

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m"]:
        return x
