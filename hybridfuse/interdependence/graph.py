import csv
import warnings
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import graph
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess

_HEADERS = {("source", "target"), ("from", "to")}


class Graph(Structural):
    r"""Relates items by the links of a given graph.

    $$A_{ij} = [i \to j \text{ is a link}] + s\,[i = j]$$

    Sparse. Item j of the output receives the sum of the items that link to it. The graph has as many nodes as there
    are items; a link given twice counts once; a self-link ends at 1 + s.

    Args:
        links: pairs of nodes (from, to).
        path: a CSV file with a pair a line, beside or instead of `links`; a first line `source,target` or `from,to`
            is skipped.
        nodes: names of the items in their order; by default 0, 1, …, n - 1.
        directed: whether a link relates one way only.
        self_dependence: whether each item is related to itself, too.
        self_scaling: the weight s of that relation; 0 without self_dependence.
        normalization: applied to A at the end, such as `hybridfuse.postprocess.Column`; none by default.

    Raises:
        ValueError: if a link names an unknown node, a line is no pair, nodes are not as many as items or not
            distinct, or self_scaling is not finite.
        FileNotFoundError: if there is no file at path.

    References: RPN 2 (2024), arXiv 2411.11162, topological interdependence, graph.
    """

    any_size = False

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        links: Iterable[Sequence[Hashable]] | None = None,
        path: str | None = None,
        nodes: Sequence[Hashable] | None = None,
        directed: bool = True,
        self_dependence: bool = False,
        self_scaling: float = 1.0,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        if links is None and path is None:
            warnings.warn("graph has no links: give it links=[[0,1],...] or path=<file>.csv.", stacklevel=1)
        self.directed = check.truth("directed", directed)
        check.truth("self_dependence", self_dependence)
        self.self_scaling = check.number("self_scaling", self_scaling) if self_dependence else 0.0
        self.normalization = normalization
        pairs = [*_listed(links), *(_read(Path(path)) if path is not None else ())]
        self._links = _indices(pairs, list(range(self.n)) if nodes is None else list(nodes), self.n)
        self.store()

    def structure(self, n: int) -> Float[Tensor, "n n"]:
        matrix = graph.adjacency(self._links, n, not self.directed, self.self_scaling)
        return matrix if self.normalization is None else self.normalization(matrix)


def _listed(links: Iterable[Sequence[Hashable]] | None) -> list[Any]:
    """Links as lists of names; a tensor or an array of them as numbers."""
    plain: Any = links.tolist() if hasattr(links, "tolist") else links  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    return [] if plain is None else list(plain)


def _read(path: Path) -> list[tuple[str, ...]]:
    if not path.is_file():
        raise FileNotFoundError(f"graph.path must be a CSV file of links, got {path}, which does not exist.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = [tuple(cell.strip() for cell in line) for line in csv.reader(file) if line]
    return lines[1:] if lines and tuple(map(str.lower, lines[0])) in _HEADERS else lines


def _indices(pairs: Sequence[Sequence[Hashable]], nodes: Sequence[Hashable], n: int) -> Int[Tensor, "z 2"]:
    """Links as positions of their nodes; a name read from a file matches a node that is written like it."""
    position = {**{str(node): index for index, node in enumerate(nodes)}, **{node: i for i, node in enumerate(nodes)}}
    if len(nodes) != n or len(set(nodes)) != n:
        raise ValueError(f"graph.nodes must name each of the {n} items once, got {len(nodes)}.")
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"link {number} of the graph must be a pair of nodes, got {pair!r}.")
        for node in pair:
            if node not in position:
                near = check.nearest(str(node), map(str, nodes)) or "."
                raise ValueError(f"link {number} of the graph names {node!r}, which is not among its {n} nodes{near}")
    return torch.tensor([[position[source], position[target]] for source, target in pairs]).reshape(-1, 2).long()
