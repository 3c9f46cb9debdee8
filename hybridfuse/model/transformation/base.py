from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check


class Transformation(nn.Module, ABC):
    """Expands each row of the data.

    Values are not scaled to one variance: what maps κ(X) on starts with entries of variance 1 / width, so that its
    outputs start with the mean square of the entries of κ(X).

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
        """κ(X), finite for any finite X."""

    def extra_repr(self) -> str:
        return f"m={self.m}, width={self.width}"
