from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hybridfuse.balance.base import Balance
from hybridfuse.functional import norm


class UnitNorm(Balance):
    r"""Makes the columns of each matrix of norm 1 on average.

    $$A_i \sqrt{p} / \lVert A_i \rVert_F$$

    The Frobenius norm is then that of the identity, and of a learned matrix at the start: products with the data keep
    their scale. A zero matrix stays as it is.
    """

    def factors(self, index: int, matrix: Float[Tensor, "n p"]) -> Sequence[Float[Tensor, ""]]:
        magnitude, length = norm.frobenius(matrix)
        return [1.0 / magnitude, matrix.shape[1] ** 0.5 / length]
