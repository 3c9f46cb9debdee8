import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural


class Identity(Structural):
    r"""Relates each item to itself alone.

    $$A_{ij} = 1 \text{ if } i = j < \min(n, p) \text{ else } 0$$

    Sparse. In {0, 1}; p beyond n adds zero columns, p below n drops the last items.

    Args:
        p: columns of A. At least 1; by default as many as items.

    Raises:
        ValueError: if p is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, constant interdependence.
    """

    sparse = True
    cost = "n d"

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", p: int | None = None
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self._p = None if p is None else check.whole("p", p)
        self.store()

    def columns(self, n: int) -> int:
        return n if self._p is None else self._p

    def structure(self, n: int) -> Float[Tensor, "n p"]:
        return graph.eye(n, self.columns(n))

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        p = self.columns(len(items))
        missing = transformed.new_zeros((max(p - len(items), 0), transformed.shape[1]))
        return torch.cat([transformed, missing]) if len(missing) else transformed[:p]
