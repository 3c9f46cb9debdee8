from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check


class Transformation(nn.Module, ABC):
    """Expands each row of the data.

    Args:
        m: attributes of a row. At least 1.

    Raises:
        ValueError: if m is below 1.
    """

    def __init__(self, m: int) -> None:
        super().__init__()
        self.m = check.whole("m", m)

    @property
    @abstractmethod
    def width(self) -> int:
        """Columns of κ(X)."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b width"]:
        """κ(X)."""
