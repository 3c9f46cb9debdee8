from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn


class Postprocess(nn.Module, ABC):
    """Takes a matrix, dense or sparse, to one of the same shape and layout."""

    @abstractmethod
    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        """The matrix, processed."""
