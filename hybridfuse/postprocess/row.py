from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import normalize
from hybridfuse.postprocess.base import Postprocess


class Row(Postprocess):
    r"""Makes rows sum to 1.

    $$A_{ij} / \sum_j A_{ij}$$

    A row that sums to 0 stays as it is.
    """

    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        return normalize.row(matrix)
