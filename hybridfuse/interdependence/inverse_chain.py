import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import layout, tridiagonal
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.chain_base import ChainBase
from hybridfuse.interdependence.propagated_base import PropagatedBase
from hybridfuse.postprocess.base import Postprocess

_CLOSE = 1.0 - 1e-9


class InverseChain(ChainBase, PropagatedBase):
    r"""Relates each item to all that follow, less and less with each step.

    $$A = (I - \delta B)^{-1} = \sum_{i=0}^{\infty} (\delta B)^i$$

    In [0, ∞) for a self_scaling of at least 0. B is the matrix of `chain`. One-directional, without self_dependence:
    A_ij = δ^(j - i) for j ≥ i, 0 below the diagonal. A itself is dense; it is applied by solving with the three
    diagonals of I - δB, block by block. Bi-directional links, and self-links, need a damping below 1 over
    the spectral radius of B: 1/2 is always enough for links both ways, 1 - ε where rows sum to 1.

    Args:
        damping: the factor δ of each step. In (0, 1], and below 1 over the spectral radius of B.

    Raises:
        ValueError: if damping is out of its bounds, or self_scaling is not finite or makes A so.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, inverse approximation of a chain.
    """

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
        damping: float = 1.0,
    ) -> None:
        super().__init__(b, m, interdependence_type, bi_directional, self_dependence, self_scaling, normalization)
        self.damping = check.number("damping", damping)
        if not 0.0 < self.damping <= 1.0:
            raise ValueError(f"damping must be in (0, 1], got {damping}.")
        self.store()

    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        links = super().adjacency(n)
        radius = tridiagonal.spectral_radius(tridiagonal.bands(links))
        if self.damping * radius > _CLOSE:
            raise ValueError(
                f"damping must be < {1.0 / radius:.6g}, 1 over the spectral radius of the links of {n} items, "
                f"got {self.damping}."
            )
        largest = tridiagonal.solve(self._system(links.abs()), torch.ones(n, 1, dtype=links.dtype)).abs().max()
        if largest > torch.finfo(torch.float32).max:
            raise ValueError(f"damping must be so small that A is finite, got {self.damping} for {n} items.")
        return links

    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        eye = torch.eye(len(links), dtype=links.dtype, device=links.device)
        return tridiagonal.solve(self._system(links), eye)

    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        bands = self._system(layout.like(links(), items))
        return tridiagonal.solve(tridiagonal.transpose(bands), items)

    def _system(self, links: Tensor) -> Float[Tensor, "3 n"]:
        """Of I - δB."""
        bands = -self.damping * tridiagonal.bands(links)
        return torch.stack([bands[0], 1.0 + bands[1], bands[2]])
