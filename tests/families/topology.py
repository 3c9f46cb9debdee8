"""Chains and graphs, by networkx, numpy, scipy and scikit-learn."""

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import scipy.linalg
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import kneighbors_graph

from families.common import Array, Case, Wrong, by_row, symmetric
from hybridfuse.interdependence.cosine_similarity import CosineSimilarity
from hybridfuse.interdependence.exponential_chain import ExponentialChain
from hybridfuse.interdependence.graph import Graph
from hybridfuse.interdependence.heat_graph import HeatGraph
from hybridfuse.interdependence.identity import Identity
from hybridfuse.interdependence.inverse_chain import InverseChain
from hybridfuse.interdependence.knn_graph import KnnGraph
from hybridfuse.interdependence.multihop_chain import MultihopChain
from hybridfuse.interdependence.multihop_graph import MultihopGraph
from hybridfuse.interdependence.pagerank_graph import PagerankGraph
from hybridfuse.postprocess.column import Column
from hybridfuse.postprocess.row import Row
from hybridfuse.postprocess.symmetric import Symmetric


def chain_matrix(n: int, both: bool = False, scaling: float = 1.0) -> Array:
    path = nx.path_graph(n) if both else nx.path_graph(n, create_using=nx.DiGraph)
    return nx.to_numpy_array(path, nodelist=range(n)) + scaling * np.eye(n)


def graph_matrix(n: int, links: list[tuple[Any, ...]], directed: bool = True, scaling: float = 0.0) -> Array:
    built = nx.DiGraph() if directed else nx.Graph()
    built.add_nodes_from(range(n))
    built.add_edges_from(link[:2] for link in links)
    for source, target, *weight in links:
        built[source][target]["weight"] = weight[0] if weight else 1.0
    return nx.to_numpy_array(built, nodelist=range(n)) + scaling * np.eye(n)


def hops(matrix: Array, number: int, accumulative: bool) -> Array:
    powers = [np.linalg.matrix_power(matrix, i) for i in range(number + 1)]
    return np.sum(powers, axis=0) if accumulative else powers[-1]


def pagerank(matrix: Array, restart: float = 0.15) -> Array:
    """By networkx, which gives the weight of a walk that ends back to where it started; here it is lost."""
    walk, rows = nx.from_numpy_array(matrix, create_using=nx.DiGraph), []
    ended = matrix.sum(axis=1) == 0
    for i in range(len(matrix)):
        found = nx.pagerank(walk, 1.0 - restart, {i: 1.0}, max_iter=10_000, tol=1e-16)
        row = np.array([found[j] for j in range(len(matrix))])
        rows.append(row * restart / (restart + (1.0 - restart) * row[ended].sum()))
    return np.array(rows)


def resolvent(matrix: Array, restart: float) -> Array:
    return restart * np.linalg.inv(np.eye(len(matrix)) - (1.0 - restart) * matrix)


def heat(matrix: Array, time: float = 1.0) -> Array:
    laplacian = nx.normalized_laplacian_matrix(nx.from_numpy_array(matrix), range(len(matrix))).toarray()
    return scipy.linalg.expm(-time * laplacian)


def inverse(matrix: Array, damping: float = 1.0) -> Array:
    return np.linalg.inv(np.eye(len(matrix)) - damping * matrix)


def nearest(x: Array, neighbors: int = 5, similarity: Array | None = None) -> Array:
    neighbors = min(neighbors, len(x) - 1)
    if similarity is None:
        return kneighbors_graph(x, neighbors, include_self=False).toarray()
    apart = 1e9 - similarity - similarity.min()
    np.fill_diagonal(apart, 0.0)
    return kneighbors_graph(apart, neighbors, metric="precomputed", include_self=False).toarray()


LINKS = [(0, 1), (0, 1), (1, 0), (1, 2), (2, 2), (4, 0)]
WEIGHTED = [(0, 1, 0.5), (0, 1, 2.0), (1, 0, 3.0), (1, 2, 0.25), (2, 2, 1.5), (4, 0, 1.0)]
POSITIVE = [(0, 1, 0.5), (1, 3, 2.0), (2, 3, 0.25), (3, 3, 1.5), (3, 0, 0.7)]


COSINE = {"_target_": "hybridfuse.interdependence.cosine_similarity.CosineSimilarity"}


def _linked(**given: Any) -> dict[str, Any]:
    return {"links": LINKS, **given}


ORACLES: dict[str, list[Case]] = {
    "chain": [
        ({}, lambda x, w: chain_matrix(len(x))),
        ({"bi_directional": True}, lambda x, w: chain_matrix(len(x), both=True)),
        ({"self_dependence": False}, lambda x, w: chain_matrix(len(x), scaling=0.0)),
        ({"self_dependence": False, "self_scaling": 9.0}, lambda x, w: chain_matrix(len(x), scaling=0.0)),
        ({"self_scaling": -2.5}, lambda x, w: chain_matrix(len(x), scaling=-2.5)),
        ({"self_scaling": 3.0, "normalization": Row()}, lambda x, w: by_row(chain_matrix(len(x), scaling=3.0))),
        ({"self_dependence": False, "normalization": Row()}, lambda x, w: by_row(chain_matrix(len(x), scaling=0.0))),
    ],
    "multihop_chain": [
        ({}, lambda x, w: chain_matrix(len(x))),
        ({"hops": 0}, lambda x, w: np.eye(len(x))),
        ({"hops": 0, "accumulative": True}, lambda x, w: np.eye(len(x))),
        ({"hops": 1, "accumulative": True}, lambda x, w: hops(chain_matrix(len(x)), 1, True)),
        ({"hops": 3}, lambda x, w: hops(chain_matrix(len(x)), 3, False)),
        ({"hops": 9, "self_dependence": False}, lambda x, w: np.zeros((len(x), len(x)))),
        (
            {"hops": 3, "accumulative": True, "bi_directional": True, "self_scaling": 0.5},
            lambda x, w: hops(chain_matrix(len(x), True, 0.5), 3, True),
        ),
        (
            {"hops": 2, "bi_directional": True, "self_scaling": 2.0, "normalization": Symmetric()},
            lambda x, w: hops(symmetric(chain_matrix(len(x), True, 2.0)), 2, False),
        ),
    ],
    "inverse_chain": [
        ({}, lambda x, w: np.triu(np.ones((len(x), len(x))))),
        ({"damping": 0.7}, lambda x, w: inverse(chain_matrix(len(x), scaling=0.0), 0.7)),
        ({"damping": 0.5, "bi_directional": True}, lambda x, w: inverse(chain_matrix(len(x), True, 0.0), 0.5)),
        (
            {"damping": 0.3, "bi_directional": True, "self_dependence": True},
            lambda x, w: inverse(chain_matrix(len(x), True), 0.3),
        ),
        (
            {"damping": 0.6, "self_dependence": True, "self_scaling": -1.5},
            lambda x, w: inverse(chain_matrix(len(x), scaling=-1.5), 0.6),
        ),
        (
            {"damping": 0.95, "self_dependence": True, "bi_directional": True, "normalization": Row()},
            lambda x, w: inverse(by_row(chain_matrix(len(x), True)), 0.95),
        ),
    ],
    "exponential_chain": [
        ({}, lambda x, w: scipy.linalg.expm(chain_matrix(len(x), scaling=0.0))),
        ({"bi_directional": True}, lambda x, w: scipy.linalg.expm(chain_matrix(len(x), True, 0.0))),
        ({"self_dependence": True}, lambda x, w: scipy.linalg.expm(chain_matrix(len(x)))),
        (
            {"self_dependence": True, "self_scaling": -2.5, "bi_directional": True},
            lambda x, w: scipy.linalg.expm(chain_matrix(len(x), True, -2.5)),
        ),
        (
            {"self_dependence": True, "bi_directional": True, "normalization": Row()},
            lambda x, w: scipy.linalg.expm(by_row(chain_matrix(len(x), True))),
        ),
    ],
    "graph": [
        (_linked(), lambda x, w: graph_matrix(len(x), LINKS)),
        (_linked(directed=False), lambda x, w: graph_matrix(len(x), LINKS, directed=False)),
        (_linked(self_dependence=True), lambda x, w: graph_matrix(len(x), LINKS, scaling=1.0)),
        (_linked(self_scaling=4.0), lambda x, w: graph_matrix(len(x), LINKS)),
        (
            _linked(self_dependence=True, self_scaling=0.5, directed=False),
            lambda x, w: graph_matrix(len(x), LINKS, directed=False, scaling=0.5),
        ),
        (_linked(normalization=Column()), lambda x, w: by_row(graph_matrix(len(x), LINKS).T).T),
        (
            _linked(directed=False, normalization=Symmetric()),
            lambda x, w: symmetric(graph_matrix(len(x), LINKS, directed=False)),
        ),
        ({"links": []}, lambda x, w: graph_matrix(len(x), [])),
        ({"links": WEIGHTED}, lambda x, w: graph_matrix(len(x), WEIGHTED)),
        ({"links": WEIGHTED, "directed": False}, lambda x, w: graph_matrix(len(x), WEIGHTED, directed=False)),
        (
            {"links": WEIGHTED, "self_dependence": True, "self_scaling": -1.5},
            lambda x, w: graph_matrix(len(x), WEIGHTED, scaling=-1.5),
        ),
    ],
    "multihop_graph": [
        (_linked(), lambda x, w: graph_matrix(len(x), LINKS)),
        (_linked(hops=0), lambda x, w: np.eye(len(x))),
        (_linked(hops=0, accumulative=True), lambda x, w: np.eye(len(x))),
        (_linked(hops=1, accumulative=True), lambda x, w: hops(graph_matrix(len(x), LINKS), 1, True)),
        (_linked(hops=3), lambda x, w: hops(graph_matrix(len(x), LINKS), 3, False)),
        (
            {"links": WEIGHTED, "hops": 3, "accumulative": True, "directed": False, "self_dependence": True},
            lambda x, w: hops(graph_matrix(len(x), WEIGHTED, False, 1.0), 3, True),
        ),
        (
            _linked(hops=2, self_dependence=True, self_scaling=0.5, normalization=Row()),
            lambda x, w: hops(by_row(graph_matrix(len(x), LINKS, scaling=0.5)), 2, False),
        ),
        ({"links": [], "hops": 2}, lambda x, w: np.zeros((len(x), len(x)))),
    ],
    "pagerank_graph": [
        (_linked(), lambda x, w: pagerank(graph_matrix(len(x), LINKS))),
        (_linked(restart=0.5, directed=False), lambda x, w: pagerank(graph_matrix(len(x), LINKS, False), 0.5)),
        (_linked(restart=1.0), lambda x, w: np.eye(len(x))),
        (
            {"links": WEIGHTED, "self_dependence": True, "self_scaling": 0.5, "restart": 0.02},
            lambda x, w: pagerank(graph_matrix(len(x), WEIGHTED, scaling=0.5), 0.02),
        ),
        (
            _linked(normalization=Column(), restart=0.3),
            lambda x, w: resolvent(by_row(graph_matrix(len(x), LINKS).T).T, 0.3),
        ),
        ({"links": []}, lambda x, w: 0.15 * np.eye(len(x))),
    ],
    "heat_graph": [
        (_linked(), lambda x, w: heat(graph_matrix(len(x), LINKS, False))),
        (_linked(time=0.0), lambda x, w: np.eye(len(x))),
        (_linked(time=35.0), lambda x, w: heat(graph_matrix(len(x), LINKS, False), 35.0)),
        (
            {"links": POSITIVE, "time": 2.5, "self_dependence": True, "self_scaling": 0.5},
            lambda x, w: heat(graph_matrix(len(x), POSITIVE, False, 0.5), 2.5),
        ),
        ({"links": []}, lambda x, w: np.eye(len(x))),
    ],
    "knn_graph": [
        ({}, lambda x, w: nearest(x, 2)),  # as OPTIONS says
        ({"neighbors": 5}, lambda x, w: nearest(x, 5)),
        ({"neighbors": 2}, lambda x, w: nearest(x, 2)),
        ({"neighbors": 2, "mutual": True}, lambda x, w: nearest(x, 2) * nearest(x, 2).T),
        ({"neighbors": 2, "directed": False}, lambda x, w: np.maximum(nearest(x, 2), nearest(x, 2).T)),
        (
            {"neighbors": 3, "self_dependence": True, "self_scaling": 0.5, "normalization": Row()},
            lambda x, w: by_row(nearest(x, 3) + 0.5 * np.eye(len(x))),
        ),
        (
            {"neighbors": 2, "directed": False, "self_dependence": True, "self_scaling": -2.0},
            lambda x, w: np.maximum(nearest(x, 2), nearest(x, 2).T) - 2.0 * np.eye(len(x)),
        ),
        (
            {
                "neighbors": 2,
                "similarity": {"_target_": "hybridfuse.interdependence.cosine_similarity.CosineSimilarity"},
            },
            lambda x, w: nearest(x, 2, cosine_similarity(x)),
        ),
    ],
}

TOGETHER = {"knn_graph"}


def _some_links(n: int) -> dict[str, Any]:
    return {"links": [(0, n - 1), (n - 1, 0), (n // 2, n // 2), (0, n // 2)]}


OF_LINKS = ("graph", "multihop_graph", "pagerank_graph", "heat_graph")

OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    **dict.fromkeys(OF_LINKS, _some_links),
    "knn_graph": lambda n: {"neighbors": 2},
}

ELSEWHERE = {stem: {"path", "nodes"} for stem in OF_LINKS}


def _built(cls: type, n: int = 4, **given: Any) -> Callable[[], object]:
    return lambda: cls(6, n, **given)


ERRORS: list[Wrong] = [
    ("hops -1", _built(MultihopChain, hops=-1), ValueError, r"^hops must be >= 0, got -1\.$"),
    ("hops 1.5", _built(MultihopGraph, links=[], hops=1.5), TypeError, r"^hops must be a whole number, got 1\.5\.$"),
    (
        "accumulative",
        _built(MultihopChain, accumulative=1),
        TypeError,
        r"^accumulative must be true or false, got 1\.$",
    ),
    ("restart 0", _built(PagerankGraph, links=[], restart=0), ValueError, r"^restart must be in \(0, 1\], got 0\.$"),
    (
        "restart 1.1",
        _built(PagerankGraph, links=[], restart=1.1),
        ValueError,
        r"^restart must be in \(0, 1\], got 1\.1",
    ),
    ("restart none", _built(PagerankGraph, links=[], restart=None), TypeError, "^restart must be a number, got None"),
    ("time -1", _built(HeatGraph, links=[], time=-1), ValueError, r"^time must be >= 0, got -1\.$"),
    (
        "heat of a negative weight",
        _built(HeatGraph, links=[(0, 1, 2.0), (1, 2, -0.5)]),
        ValueError,
        r"^weights of links must be >= 0 for heat to flow, got -0\.5\.$",
    ),
    ("damping 0", _built(InverseChain, damping=0), ValueError, r"^damping must be in \(0, 1\], got 0\.$"),
    ("damping 2", _built(InverseChain, damping=2.0), ValueError, r"^damping must be in \(0, 1\], got 2\.0\.$"),
    (
        "damping and self-links",
        _built(InverseChain, self_dependence=True),
        ValueError,
        r"^damping must be < 1, 1 over the spectral radius of the links of 4 items, got 1\.0\.$",
    ),
    (
        "an infinite inverse",
        _built(InverseChain, 200, self_dependence=True, self_scaling=0.9),
        ValueError,
        r"^damping must be so small that A is finite, got 1\.0 for 200 items\.$",
    ),
    (
        "an infinite exponential",
        _built(ExponentialChain, self_dependence=True, self_scaling=100.0),
        ValueError,
        r"^self_scaling must be so small that A is finite, got 100\.0\.$",
    ),
    (
        "an exponential that is no number",
        _built(ExponentialChain, self_dependence=True, self_scaling=1e300),
        ValueError,
        r"^self_scaling must be so small that A is finite, got 1e\+300\.$",
    ),
    ("neighbors 0", _built(KnnGraph, neighbors=0), ValueError, r"^neighbors must be >= 1, got 0\.$"),
    ("mutual 1", _built(KnnGraph, mutual=1), TypeError, r"^mutual must be true or false, got 1\.$"),
    (
        "similarity a text",
        _built(KnnGraph, similarity="cosine_similarity"),
        TypeError,
        r"^similarity must be an interdependence function, got str\.$",
    ),
    (
        "similarity of another m",
        _built(KnnGraph, similarity=CosineSimilarity(6, 5)),
        ValueError,
        "^similarity must be square, of type attribute and with m = 4, got cosine_similarity of .* with m = 5 and 5",
    ),
    (
        "similarity of another type",
        _built(KnnGraph, similarity=CosineSimilarity(6, 4, "instance")),
        ValueError,
        "^similarity must be square, of type attribute .* got cosine_similarity of type instance",
    ),
    (
        "similarity that is not square",
        _built(KnnGraph, similarity=Identity(6, 4, p=3)),
        ValueError,
        "^similarity must be square, .* and 3 columns",
    ),
    ("links a text", _built(Graph, links="0,1"), TypeError, "^links must be pairs of nodes, .*, got str"),
    ("links a number", _built(Graph, links=3), TypeError, "^links must be pairs of nodes, .*, got int"),
    ("links a mapping", _built(Graph, links={0: 1}), TypeError, "^links must be pairs of nodes, .*, got dict"),
    (
        "links of another shape",
        _built(Graph, links=np.zeros((3, 4))),
        ValueError,
        r"^links must have the shape \(z, 2\), \(z, 3\) or \(2, z\), got \(3, 4\)\.$",
    ),
    (
        "a node of an index that is unknown",
        _built(Graph, links=np.array([[0, 1, 2], [1, 2, 9]])),
        ValueError,
        "^link 3 of the graph names 9, which is not among its 4 nodes",
    ),
    (
        "a node that is no whole number",
        _built(Graph, links=np.array([[0.0, 1.0, 1.0], [0.5, 1.0, 1.0]])),
        ValueError,
        r"^link 2 of the graph names 0\.5, which is not among",
    ),
    (
        "a node that cannot be hashed",
        _built(Graph, links=[(0, 1), ([], 1)]),
        ValueError,
        r"^link 2 of the graph names \[\], which is not among its 4 nodes",
    ),
    (
        "an unknown number among names that are numbers",
        _built(Graph, links=[(7, 30), (7, 8)], nodes=[7, 30, 2, 100]),
        ValueError,
        "^link 2 of the graph names 8, which is not among its 4 nodes",
    ),
    (
        "pairs among triples",
        _built(Graph, links=[(0, 1, 2.0), (0, 1)]),
        ValueError,
        r"^link 2 of the graph must be a pair of nodes and a weight, got \(0, 1\)\.$",
    ),
    (
        "a weight that is not finite",
        _built(Graph, links=[(0, 1, 1.0), (1, 2, float("nan"))]),
        ValueError,
        "^link 2 of the graph must have a finite weight, got nan",
    ),
    (
        "a weight that is no number",
        _built(Graph, links=[("0", "1", "x")], nodes=["0", "1", "2", "3"]),
        ValueError,
        "^link 1 of the graph must have a number as its weight, got 'x'",
    ),
    (
        "no file of another function",
        _built(HeatGraph, path="no/such/links.npz"),
        FileNotFoundError,
        "^heat_graph.path must be a CSV or .npz file of links, got no/such/links.npz, which does not exist",
    ),
]
