from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import normalize
from hybridfuse.postprocess.base import Postprocess


class SoftmaxColumn(Postprocess):
    r"""Makes columns positive and sum to 1.

    $$\exp(A_{ij}) / \sum_i \exp(A_{ij})$$

    Over the stored entries of a sparse matrix: what is not linked stays 0.
    """

    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        return normalize.softmax_column(matrix)
