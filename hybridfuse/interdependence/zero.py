import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import csr
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural


class Zero(Structural):
    r"""Relates no items.

    $$A_{ij} = 0$$

    Sparse, without an entry. In {0}: what it transforms becomes 0.

    Args:
        p: columns of A. At least 1; by default as many as items.

    Raises:
        ValueError: if p is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, constant interdependence.
    """

    sparse = True
    cost = "n"

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", p: int | None = None
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self._p = None if p is None else check.whole("p", p)
        self.store()

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def structure(self, n: int) -> Float[Tensor, "n p"]:
        none = torch.empty(0, dtype=torch.int64)
        return csr.from_entries(none, none, torch.empty(0, dtype=torch.float64), (n, self.columns(n)))

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        # Joined to no rows of Z, so that gradients of zero reach it.
        zeros = transformed.new_zeros((self.columns(len(items)), transformed.shape[1]))
        return torch.cat([transformed[:0], zeros])
