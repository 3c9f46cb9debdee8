"""Rows of links as ends and weights: pairs and triples, arrays, sparse matrices."""

from collections.abc import Iterable, Sequence
from numbers import Number, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_EXACT = 1 << 53

Ends = NDArray[np.int64] | list[tuple[Any, Any]]
"""Nodes as they are called: an array (z, 2) where all are whole numbers."""
Found = tuple[Ends, Any]
"""Ends, and weights, None where all are 1."""


def of_sparse(given: Any) -> Found:
    entries = given.tocoo()
    ends = np.stack([entries.row, entries.col], axis=1).astype(np.int64)
    return ends, None if np.all(entries.data == 1) else np.asarray(entries.data)


def of_tensor(given: Tensor) -> Found:
    """The same, but that whole numbers of the shape (2, 2) are two links as in PyTorch Geometric."""
    index = given.shape == (2, 2) and not given.is_floating_point()
    return of_array((given.mT if index else given).detach().cpu().numpy())


def of_array(array: NDArray[Any]) -> Found:
    """(z, 2), (z, 3) with weights, or (2, z) as in PyTorch Geometric; (2, 2) holds pairs."""
    if array.size == 0:
        return np.empty((0, 2), np.int64), None
    whole = array.dtype.kind in "iu"
    if array.ndim == 2 and array.shape[0] == 2 and array.shape[1] != 2 and whole:
        return array.T.astype(np.int64), None
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise ValueError(f"links must have the shape (z, 2), (z, 3) or (2, z), got {array.shape}.")
    return _split(array) or named(array.tolist())


def numeric(rows: list[Any]) -> Found | None:
    """Pairs or triples whose nodes are all whole numbers; None if they are anything else."""
    first = rows[0] if rows else None
    if first is None or isinstance(first, str) or not hasattr(first, "__getitem__") or not len(first):
        return None if rows else (np.empty((0, 2), np.int64), None)
    if not isinstance(first[0], Number):
        return None
    try:
        return _split(np.array(rows))
    except (ValueError, TypeError, OverflowError):
        return None


def _split(array: NDArray[Any]) -> Found | None:
    """Ends and weights of an array of numbers; None where a node is no whole number, or an entry no number."""
    if array.dtype.kind not in "iuf" or array.ndim != 2 or array.shape[1] not in (2, 3):
        return None
    ends = array[:, :2]
    if array.dtype.kind == "f" and not (np.all(ends == np.floor(ends)) and np.all(np.abs(ends) < _EXACT)):
        return None
    return ends.astype(np.int64), array[:, 2].astype(np.float64) if array.shape[1] == 3 else None


def named(rows: Iterable[Any]) -> Found:
    """Pairs or triples, whichever the first one is, of nodes of any kind."""
    ends: list[tuple[Any, Any]] = []
    weights: list[float] = []
    width = 0
    for number, row in enumerate(rows, start=1):
        sized = isinstance(row, Sequence) and not isinstance(row, str)
        width = width or (3 if sized and len(row) == 3 else 2)
        if not sized or len(row) != width:
            rule = "a pair of nodes" if width == 2 else "a pair of nodes and a weight"
            raise ValueError(f"link {number} of the graph must be {rule}, got {row!r}.")
        ends.append((row[0], row[1]))
        if width == 3:
            weights.append(_weight(number, row[2]))
    return ends, weights if width == 3 else None


def _weight(number: int, value: Any) -> float:
    try:
        return float(value) if isinstance(value, (str, Real)) else float("nan")
    except ValueError:
        raise ValueError(f"link {number} of the graph must have a number as its weight, got {value!r}.") from None
