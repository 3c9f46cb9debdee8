"""Chains and graphs, by networkx."""

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np

from families.common import Array, Case, by_row, symmetric
from hybridfuse.postprocess.column import Column
from hybridfuse.postprocess.row import Row
from hybridfuse.postprocess.symmetric import Symmetric


def chain_matrix(n: int, both: bool = False, scaling: float = 1.0) -> Array:
    path = nx.path_graph(n) if both else nx.path_graph(n, create_using=nx.DiGraph)
    return nx.to_numpy_array(path, nodelist=range(n)) + scaling * np.eye(n)


def graph_matrix(n: int, links: list[tuple[int, int]], directed: bool = True, scaling: float = 0.0) -> Array:
    built = nx.DiGraph() if directed else nx.Graph()
    built.add_nodes_from(range(n))
    built.add_edges_from(links)
    return nx.to_numpy_array(built, nodelist=range(n)) + scaling * np.eye(n)


LINKS = [(0, 1), (0, 1), (1, 0), (1, 2), (2, 2), (4, 0)]

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
    "graph": [
        ({"links": LINKS}, lambda x, w: graph_matrix(len(x), LINKS)),
        ({"links": LINKS, "directed": False}, lambda x, w: graph_matrix(len(x), LINKS, directed=False)),
        ({"links": LINKS, "self_dependence": True}, lambda x, w: graph_matrix(len(x), LINKS, scaling=1.0)),
        ({"links": LINKS, "self_scaling": 4.0}, lambda x, w: graph_matrix(len(x), LINKS)),
        (
            {"links": LINKS, "self_dependence": True, "self_scaling": 0.5, "directed": False},
            lambda x, w: graph_matrix(len(x), LINKS, directed=False, scaling=0.5),
        ),
        ({"links": LINKS, "normalization": Column()}, lambda x, w: by_row(graph_matrix(len(x), LINKS).T).T),
        (
            {"links": LINKS, "directed": False, "normalization": Symmetric()},
            lambda x, w: symmetric(graph_matrix(len(x), LINKS, directed=False)),
        ),
        ({"links": []}, lambda x, w: graph_matrix(len(x), [])),
    ],
}

OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "graph": lambda n: {"links": [(0, n - 1), (n - 1, 0), (n // 2, n // 2), (0, n // 2)]},
}

ELSEWHERE = {"graph": {"path", "nodes"}}
