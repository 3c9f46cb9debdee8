"""Reads a graph of the Planetoid collection. Free of torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int
from scipy import sparse

from hybridfuse.data import array_pickle
from hybridfuse.data.split import Rows

UNLABELLED = -1
_VALIDATION = 500


class Planetoid(NamedTuple):
    """A graph of n nodes with attributes and classes.

    Args:
        x: attributes of each node.
        y: index of its class, `UNLABELLED` where it has none.
        links: each link in both directions, without self-links.
        public: the split that is published with it.
    """

    x: Float32[np.ndarray, "n m"]
    y: Int[np.ndarray, " n"]
    links: Int[np.ndarray, "z 2"]
    public: Rows


def read(places: Mapping[str, Path]) -> Planetoid:
    """The graph of the files x, y, tx, ty, allx, ally, graph and test.index.

    The first rows are those of allx and ally, then come those of tx and ty, each at the node that test.index names.
    Nodes between that it does not name, as 15 of Citeseer, have no links, no attributes and no class. The public
    split is that of the first rows, as many as y has, the next 500, and test.index.

    Raises:
        ValueError: if a file holds anything but arrays.

    References: Yang, Cohen & Salakhutdinov (2016), arXiv 1603.08861; Kipf & Welling (2017), arXiv 1609.02907.
    """
    found = {part: array_pickle.read(place) for part, place in places.items() if part != "test.index"}
    tested = np.loadtxt(places["test.index"], dtype=np.int64, ndmin=1)
    known = len(found["ally"])
    n = max(int(tested.max()) + 1, known, len(found["graph"]))
    places_of_rows = np.concatenate([np.arange(known), tested])
    labels = np.zeros((n, found["ally"].shape[1]))
    labels[places_of_rows] = np.concatenate([found["ally"], found["ty"]])
    x = np.zeros((n, found["allx"].shape[1]), np.float32)
    x[places_of_rows] = sparse.vstack([_checked(found["allx"]), _checked(found["tx"])]).toarray()
    y = np.where(labels.any(axis=1), labels.argmax(axis=1), UNLABELLED)
    train = len(found["y"])
    public = Rows(np.arange(train), np.arange(train, min(train + _VALIDATION, known)), np.sort(tested))
    return Planetoid(x, y, both_ways(_pairs(found["graph"])), public)


def both_ways(pairs: Int[np.ndarray, "z 2"]) -> Int[np.ndarray, "y 2"]:
    """Each link once in each direction, in order, without self-links."""
    proper = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.unique(np.concatenate([proper, proper[:, ::-1]]), axis=0)


def _pairs(neighbors: Mapping[int, Iterable[int]]) -> Int[np.ndarray, "z 2"]:
    listed = [(node, other) for node, others in neighbors.items() for other in others]
    return np.array(listed, dtype=np.int64).reshape(-1, 2)


def _checked(matrix: Any) -> sparse.csr_array:
    """Built anew of its arrays, which an unpickled matrix never checked."""
    found = sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), matrix.shape)
    found.check_format(full_check=True)
    return found
