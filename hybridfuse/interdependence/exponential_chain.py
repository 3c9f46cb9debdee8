import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import tridiagonal
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.chain_base import ChainBase
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess


class ExponentialChain(ChainBase, Structural):
    r"""Relates each item to those near it, the less the more steps away.

    $$A = \exp(B) = \sum_{i=0}^{\infty} \frac{B^i}{i!}$$

    Sparse. In [0, ∞). B is the matrix of `chain`. One-directional, without self_dependence: A_ij = 1 / (j - i)! for j
    ≥ i, 0 below the diagonal. Entries lost in the rounding of the largest one, in float64, are left out: some 18 a
    row remain of a long chain, or 35 both ways. Self-links multiply A by the exponential of their scaling.

    Raises:
        ValueError: if self_scaling is not finite, or so large that A is not.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, exponential approximation of a chain.
    """

    sparse = True
    cost = "n d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        bi_directional: bool = False,
        self_dependence: bool = False,
        self_scaling: float = 1.0,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, bi_directional, self_dependence, self_scaling, normalization)
        self.store()

    def structure(self, n: int) -> Float[Tensor, "n n"]:
        matrix = tridiagonal.exponential(tridiagonal.bands(self.adjacency(n)))
        if not matrix.values().abs().max() <= torch.finfo(torch.float32).max:
            raise ValueError(f"self_scaling must be so small that A is finite, got {self.self_scaling}.")
        return matrix
