from jaxtyping import Float
from torch import Tensor

from hybridfuse.model.remainder.base import Remainder


class Identity(Remainder):
    r"""Adds the input as it is, where a layer has as many outputs as attributes.

    $$\pi(X) = X$$

    Raises:
        ValueError: if m and outputs differ.

    References: He et al. (2016), Deep residual learning for image recognition, equation 1.
    """

    def __init__(self, m: int, outputs: int) -> None:
        super().__init__(m, outputs)
        if m != outputs:
            raise ValueError(
                f"remainder=identity must have as many outputs as attributes, got {outputs} of m = {m}; "
                "remainder=linear takes any."
            )

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return x
