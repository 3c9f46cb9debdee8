from collections.abc import Hashable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph, layout, normalize, propagate
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.graph_base import GraphBase
from hybridfuse.interdependence.propagated_base import PropagatedBase


class HeatGraph(GraphBase, PropagatedBase):
    r"""Relates items by the heat that flows between them in a time, along the links of a given graph.

    $$A = \exp(-t L), \quad L = I - D^{-1/2} W D^{-1/2}$$

    In [0, 1], symmetric. W is the matrix of `graph`, each link leading both ways, D its degrees; a node without links
    keeps its heat: L is 0 there. Time 0: the identity. A itself is dense; it is applied by Chebyshev polynomials of
    L, some 5 √t products, as many as it takes for the rest to be below the precision of the data. Their roundings
    add up to at most about 10 + t of the largest entry: 1e-10 of it in float64 at t = 1e6, 1e-2 in float32.

    Args:
        time: how long heat flows, in units in which L has eigenvalues in [0, 2]. At least 0.

    Raises:
        ValueError: as `graph` does, if time is below 0, and if a weight or self_scaling is below 0.
        FileNotFoundError: if there is no file at path.

    References: Kondor, Lafferty (2002), Diffusion kernels on graphs; Hammond, Vandergheynst, Gribonval (2011),
    Wavelets on graphs via spectral graph theory, section 6, for the polynomials.
    """

    cost = "√t z d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        links: Any = None,
        path: str | None = None,
        nodes: Sequence[Hashable] | None = None,
        self_dependence: bool = False,
        self_scaling: float = 1.0,
        time: float = 1.0,
    ) -> None:
        super().__init__(b, m, interdependence_type, links, path, nodes, False, self_dependence, self_scaling)
        self.time = check.number("time", time)
        if self.time < 0.0:
            raise ValueError(f"time must be >= 0, got {time}.")
        self.store()

    def adjacency(self, n: int) -> Float[Tensor, "n n"]:
        """I - L."""
        matrix = super().adjacency(n)
        if bool((matrix.values() < 0).any()):
            raise ValueError(f"weights of links must be >= 0 for heat to flow, got {float(matrix.values().min())}.")
        return graph.with_idle(normalize.symmetric(matrix))

    def whole(self, links: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        eye = torch.eye(len(links), dtype=links.dtype, device=links.device)
        matrix = self._flowed(links, eye)
        return ((matrix + matrix.mT) / 2.0).clamp(0.0, 1.0)

    def propagate(self, links: Stored, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return self._flowed(links(), items)

    def _flowed(self, links: Tensor, items: Tensor) -> Tensor:
        def apply(columns: Tensor) -> Tensor:
            return propagate.over_heat(layout.like(links, columns), columns, self.time)

        return propagate.linear(apply, apply, items)
