from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check


class Remainder(nn.Module, ABC):
    """What a layer adds of its input, unrelated and untransformed.

    Args:
        m: attributes of the input. At least 1.
        outputs: outputs of the layer. At least 1.

    Raises:
        ValueError: if m or outputs is below 1.
    """

    def __init__(self, m: int, outputs: int) -> None:
        super().__init__()
        self.m = check.whole("m", m)
        self.outputs = check.whole("outputs", outputs)

    @abstractmethod
    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "#b #outputs"]:
        """π(X)."""
