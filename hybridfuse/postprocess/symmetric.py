from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import normalize
from hybridfuse.postprocess.base import Postprocess


class Symmetric(Postprocess):
    r"""Divides by the roots of both degrees.

    $$D_r^{-1/2} A D_c^{-1/2}$$

    Degrees are sums of A, in absolute value; a zero degree leaves zeros. A symmetric matrix stays symmetric.
    """

    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        return normalize.symmetric(matrix)
