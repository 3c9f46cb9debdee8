from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.balance.base import Balance
from hybridfuse.functional import norm


class UnitSpectralRadius(Balance):
    r"""Makes the largest singular value of each matrix 1.

    $$A_i / \sigma_{\max}(A_i)$$

    For a symmetric matrix that is the spectral radius; unlike that it exists for any shape, and is not 0 for a chain.
    By power iteration, until a step changes it by less than one in 10⁵, or 200 steps. First derivatives are exact,
    second ones are not. A zero matrix stays as it is.
    """

    def factors(self, index: int, matrix: Float[Tensor, "n p"]) -> Sequence[Float[Tensor, ""]]:
        magnitude, largest = norm.spectral(matrix)
        return [1.0 / magnitude, 1.0 / largest]
