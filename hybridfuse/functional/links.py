"""Links of a graph, from objects and files of many kinds; numbers without a Python object for each."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import link_files, link_rows
from hybridfuse.functional.link_rows import Ends, Found

_MANY_NODES = 10_000


class Links(NamedTuple):
    """Positions of the nodes that links lead from and to, and weights, None where all are 1."""

    pairs: Int[Tensor, "z 2"]
    weights: Float[Tensor, " z"] | None

    def together(self, other: "Links") -> "Links":
        """These links, then the others."""
        pairs = torch.cat([self.pairs, other.pairs])
        if self.weights is None and other.weights is None:
            return Links(pairs, None)
        one = torch.ones(len(pairs), dtype=torch.float64)
        first, second = one[: len(self.pairs)], one[len(self.pairs) :]
        mine = first if self.weights is None else self.weights
        return Links(pairs, torch.cat([mine, second if other.weights is None else other.weights]))


def read(name: str, given: object, path: str | None, nodes: Sequence[Hashable] | None, n: int) -> Links:
    """Links of an object and of a file, for n nodes: those named, or those of a NetworkX graph, or 0, 1, …, n - 1.

    `name` is what messages call the one whose links they are.
    """
    names = _own_nodes(given, n) if nodes is None else nodes
    if names is not None and (len(names) != n or len(set(names)) != n):
        raise ValueError(f"{name}.nodes must name each of the {n} items once, got {len(names)}.")
    found = _placed(*_of_object(given), names, n)
    whole = names is None or all(type(node) is int for node in names)
    return found if path is None else found.together(_placed(*link_files.read(name, Path(path), whole), names, n))


def _own_nodes(given: Any, n: int) -> Sequence[Hashable] | None:
    """The nodes of a NetworkX graph in its order, unless they are positions already."""
    if not _is_networkx(given) or all(type(node) is int and 0 <= node < n for node in given.nodes):
        return None
    return list(given.nodes)


def _is_networkx(given: object) -> bool:
    return hasattr(given, "edges") and hasattr(given, "nodes") and hasattr(given, "is_directed")


def _of_object(given: Any) -> Found:
    """Ends and weights (or None) of what a user calls links."""
    if given is None:
        return np.empty((0, 2), np.int64), None
    if _is_networkx(given):
        return _of_networkx(given)
    if hasattr(given, "tocoo"):
        return link_rows.of_sparse(given)
    if isinstance(given, Tensor):
        return link_rows.of_tensor(given)
    if hasattr(given, "__array__"):
        return link_rows.of_array(np.asarray(given))
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"links must be pairs of nodes, an array or a graph of NetworkX, got {type(given).__name__}.")
    rows: list[Any] = list(given)
    return link_rows.numeric(rows) or link_rows.named(rows)


def _of_networkx(given: Any) -> Found:
    """A link that leads both ways is given once by a graph without directions."""
    listed: list[tuple[Any, Any, Any]] = list(given.edges(data="weight"))
    if not given.is_directed():
        listed = [
            link for source, target, weight in listed for link in ((source, target, weight), (target, source, weight))
        ]
    weights = [weight for *_, weight in listed]
    ends = [(source, target) for source, target, _ in listed]
    weighted = any(weight is not None for weight in weights)
    filled = [1.0 if weight is None else weight for weight in weights] if weighted else None
    numeric = link_rows.numeric(ends)
    return (numeric[0] if numeric else ends), filled


def _placed(ends: Ends, weights: Any, nodes: Sequence[Hashable] | None, n: int) -> Links:
    """Ends as positions of their nodes; a name read from a file matches a node that is written like it."""
    numbers = isinstance(ends, np.ndarray) and (nodes is None or all(type(node) is int for node in nodes))
    found = _by_number(cast(Any, ends), nodes, n) if numbers else _by_name(ends, nodes, n)
    if weights is None:
        return Links(torch.from_numpy(found), None)
    values = np.asarray(weights, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueError(f"link {wrong[0] + 1} of the graph must have a finite weight, got {weights[wrong[0]]}.")
    return Links(torch.from_numpy(found), torch.from_numpy(values.copy()))


def _by_number(ends: NDArray[np.int64], nodes: Sequence[Hashable] | None, n: int) -> NDArray[np.int64]:
    if nodes is None:
        found, known = ends, (ends >= 0) & (ends < n)
    else:
        names = np.asarray(nodes, dtype=np.int64)
        order = np.argsort(names)
        found = order[np.searchsorted(names, ends, sorter=order).clip(max=n - 1)]
        known = names[found] == ends
    if not known.all():
        link, end = np.argwhere(~known)[0]
        raise _unknown(int(link) + 1, int(ends[link, end]), nodes, n)
    return np.ascontiguousarray(found, dtype=np.int64)


def _by_name(ends: Ends, nodes: Sequence[Hashable] | None, n: int) -> NDArray[np.int64]:
    names: Sequence[Hashable] = range(n) if nodes is None else nodes
    position = {**{str(node): index for index, node in enumerate(names)}, **{node: i for i, node in enumerate(names)}}
    pairs = ends if isinstance(ends, list) else ends.tolist()
    try:
        found = [position[node] for pair in pairs for node in pair]
    except (KeyError, TypeError):  # of what cannot be hashed
        known = set(position)
        wrong = ((i, node) for i, pair in enumerate(pairs, 1) for node in pair if not _among(node, known))
        raise _unknown(*next(wrong), nodes, n) from None
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _among(node: Any, known: set[Any]) -> bool:
    try:
        return node in known
    except TypeError:
        return False


def _unknown(number: int, node: object, nodes: Sequence[Hashable] | None, n: int) -> ValueError:
    names: Sequence[Hashable] = range(n) if nodes is None else nodes
    near = check.nearest(str(node), map(str, names)) if n <= _MANY_NODES else ""
    return ValueError(f"link {number} of the graph names {node!r}, which is not among its {n} nodes{near or '.'}")
