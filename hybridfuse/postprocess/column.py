from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import normalize
from hybridfuse.postprocess.base import Postprocess


class Column(Postprocess):
    r"""Makes columns sum to 1.

    $$A_{ij} / \sum_i A_{ij}$$

    A column that sums to 0 stays as it is.
    """

    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        return normalize.column(matrix)
