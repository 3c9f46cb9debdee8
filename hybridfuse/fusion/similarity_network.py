from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import diffuse, layout
from hybridfuse.fusion.base import Elementwise


class SimilarityNetwork(Elementwise):
    r"""Similarities that spread over the nearest neighbours of one another.

    $$A = \frac{1}{k} \sum_i P_i, \quad
    P_i \leftarrow N\Bigl(S_i \Bigl(\frac{1}{k - 1} \sum_{j \ne i} P_j\Bigr) S_i^\top\Bigr)$$

    P_i starts as N(A_i): half of each row on the diagonal, the other half on the others in proportion, then the mean
    with the transpose in each step. S_i is A_i between an item, itself and its nearest neighbours, each row divided by
    its sum. Negative entries count as 0; rows without others stay without. One matrix spreads over itself. Takes
    square matrices; dense, in [0, 1]; n³ operations a matrix and step.

    Args:
        neighbors: nearest neighbours of an item, of equal ones the first. At least 1; all others where there are fewer.
        iterations: steps. At least 0.

    Raises:
        ValueError: if neighbors is below 1, iterations below 0, or matrices are not square.

    References: Wang et al. (2014), Similarity network fusion for aggregating data types on a genomic scale,
        equations 2 to 6.
    """

    symmetric = True
    keeps_zero = False

    def __init__(self, dims: Sequence[int] | None = None, neighbors: int = 20, iterations: int = 20) -> None:
        super().__init__(dims)
        self.neighbors = check.whole("neighbors", neighbors)
        self.iterations = check.whole("iterations", iterations, least=0)

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n n"]:
        return self.reduce(torch.stack([layout.dense(matrix) for matrix in matrices]))

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        stack = parts if isinstance(parts, Tensor) else torch.stack(list(parts))
        return diffuse.similarity_network(stack, self.neighbors, self.iterations)

    def check_shapes(self, shapes: Sequence[tuple[int, int]], names: Sequence[str] | None = None) -> None:
        super().check_shapes(shapes, names)
        if shapes[0][0] != shapes[0][1]:
            raise ValueError(f"{self.name} needs square matrices, got {shapes[0]}.")
