"""Links from every kind of object and file give the graph that networkx makes of them."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from torch import Tensor

from catalogue import XIS, dense
from families.topology import LINKS, OF_LINKS, WEIGHTED, graph_matrix
from hybridfuse.functional import link_files

N = 5
PLAIN, HEAVY = (torch.from_numpy(graph_matrix(N, links)) for links in (LINKS, WEIGHTED))


def _matrix(links: Any = None, stem: str = "graph", n: int = N, **given: Any) -> Tensor:
    return dense(XIS[stem](2, n, links=links, **given).double().calculate_A())


OBJECTS: dict[str, tuple[Any, Tensor]] = {
    "pairs": (LINKS, PLAIN),
    "lists": ([list(link) for link in LINKS], PLAIN),
    "a generator": ((link for link in LINKS), PLAIN),
    "whole floats": ([(float(i), float(j)) for i, j in LINKS], PLAIN),
    "an array": (np.array(LINKS), PLAIN),
    "small integers": (np.array(LINKS, dtype=np.uint8), PLAIN),
    "a tensor": (torch.tensor(LINKS), PLAIN),
    "an index": (torch.tensor(LINKS).T, PLAIN),
    "an index array": (np.array(LINKS).T, PLAIN),
    "triples": (WEIGHTED, HEAVY),
    "an array of triples": (np.array(WEIGHTED), HEAVY),
    "a tensor of triples": (torch.tensor(WEIGHTED), HEAVY),
    "triples with other things": ([(i, j, str(w)) for i, j, w in WEIGHTED], HEAVY),
    "scipy": (scipy.sparse.csr_array(HEAVY.numpy()), HEAVY),
    "scipy without weights": (scipy.sparse.coo_matrix(PLAIN.numpy().astype(bool)), PLAIN),
    "an empty tensor": (torch.empty(2, 0, dtype=torch.int64), torch.zeros_like(PLAIN)),
    "an empty array": (np.empty((0, 2)), torch.zeros_like(PLAIN)),
    "nothing": ([], torch.zeros_like(PLAIN)),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name: str) -> None:
    links, expected = OBJECTS[name]
    torch.testing.assert_close(_matrix(links), expected)


def test_two_links() -> None:
    """Pairs, unless they are a tensor of whole numbers, which is read as an index tensor however many links it has."""
    pairs = [[0, 4], [2, 1]]
    expected = torch.from_numpy(graph_matrix(N, [(0, 4), (2, 1)]))
    for links in (pairs, np.array(pairs), torch.tensor(pairs, dtype=torch.float64), torch.tensor(pairs).T):
        assert torch.equal(_matrix(links), expected)


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize("weighted", [False, True])
def test_graphs_of_networkx(kind: Any, weighted: bool) -> None:
    """Positions, where nodes are numbers; the order of nodes, where they are not."""
    built = kind()
    for i, (source, target, weight) in enumerate([(3, 1, 0.5), (1, 0, 2.0), (2, 2, 3.0), (4, 3, 1.5)]):
        built.add_edge(source, target, **({"weight": weight} if weighted and i else {}))
    expected = nx.to_numpy_array(built, nodelist=range(N))
    assert np.array_equal(_matrix(built).numpy(), expected)
    named = nx.relabel_nodes(built, {i: f"n{i}" for i in range(N)})
    order = [int(name[1:]) for name in named.nodes]
    assert order != sorted(order)
    assert np.array_equal(_matrix(named).numpy(), expected[np.ix_(order, order)])
    names = [f"n{i}" for i in range(N)]
    assert np.array_equal(_matrix(named, nodes=names).numpy(), expected)
    with pytest.raises(ValueError, match=r"^graph\.nodes must name each of the 6 items once, got 5"):
        _matrix(named, n=6)


@pytest.mark.parametrize("nodes", [[30, 7, 2, -5, 100], list("abcde"), [("x", 1), "a", 3, "3", None]])
@pytest.mark.parametrize("weighted", [False, True])
def test_named_nodes(nodes: list[Any], weighted: bool) -> None:
    links = [(nodes[i], nodes[j], *rest) for i, j, *rest in (WEIGHTED if weighted else LINKS)]
    torch.testing.assert_close(_matrix(links, nodes=nodes), HEAVY if weighted else PLAIN)


@pytest.mark.parametrize("directed", [True, False])
def test_of_weights_of_one_link_the_last_counts(directed: bool) -> None:
    links = [(0, 1, 5.0), (2, 3, 4.0), (1, 0, 7.0), (0, 1, 2.0), (3, 2, 0.0)]
    expected = torch.from_numpy(graph_matrix(N, links, directed))
    torch.testing.assert_close(_matrix(links, directed=directed), expected)
    assert XIS["graph"](2, N, links=links, directed=directed).calculate_A().values().numel() == (3 if directed else 2)


def test_a_self_link_and_its_scaling_may_cancel() -> None:
    matrix = XIS["graph"](2, 3, links=[(1, 1, 2.0)], self_dependence=True, self_scaling=-2.0).calculate_A()
    assert matrix.values().numel() == 2
    assert torch.equal(dense(matrix), torch.diag(torch.tensor([-2.0, 0.0, -2.0])))


FILES = {
    "a weight": ("source,target,weight\n" + "".join(f"{i},{j},{w}\n" for i, j, w in WEIGHTED), HEAVY),
    "another header": ("From, To, Weight\n" + "".join(f" {i}, {j} ,{w}\n" for i, j, w in WEIGHTED), HEAVY),
    "pairs": ("".join(f"{i},{j}\n" for i, j in LINKS), PLAIN),
    "nothing under a header": ("source,target,weight\n", torch.zeros_like(PLAIN)),
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_csv_files(name: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one is read at once, if it holds whole numbers alone."""
    text, expected = FILES[name]
    monkeypatch.setattr(link_files, "_LARGE", -1 if large else 1 << 20)
    (tmp_path / "links.csv").write_text(text)
    torch.testing.assert_close(_matrix(path=str(tmp_path / "links.csv")), expected)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0,1,2.5\n", r"^link 1 of the graph must be a pair of nodes, .* source,target,weight says that the third"),
        ("0,1\n2\n", r"^link 2 of the graph must be a pair of nodes, got \('2',\)"),
        ("0,1\n2,3,4\n", r"^link 2 of the graph must be a pair of nodes, got \('2', '3', '4'\)"),
        ("source,target,weight\n0,1,x\n", "^link 1 of the graph must have a number as its weight, got 'x'"),
        ("source,target,weight\n0,1,1\n0,1,\n", "^link 2 of the graph must have a number as its weight, got ''"),
        ("source,target,weight\n0,1,inf\n", "^link 1 of the graph must have a finite weight, got inf"),
        ("0,1\n3,5\n", "^link 2 of the graph names '?5'?, which is not among its 5 nodes"),
        ("0,1\n3,x\n", "^link 2 of the graph names 'x', which is not among its 5 nodes"),
    ],
)
def test_csv_files_that_are_wrong(
    text: str, match: str, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_files, "_LARGE", -1 if large else 1 << 20)
    (tmp_path / "links.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        _matrix(path=str(tmp_path / "links.csv"))


def test_a_large_csv_file_is_not_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 200_000
    links = torch.randint(0, n, (n, 2), generator=torch.Generator().manual_seed(0)).numpy()
    (tmp_path / "links.csv").write_text("source,target\n" + "".join(f"{i},{j}\n" for i, j in links.tolist()))
    monkeypatch.setattr(link_files, "_pairs_of_lines", None)
    matrix = XIS["graph"](1, n, path=str(tmp_path / "links.csv")).calculate_A()
    expected = scipy.sparse.coo_array((np.ones(n), links.T), (n, n)).tocsr()
    assert np.array_equal(matrix.col_indices().numpy(), expected.indices)
    assert np.array_equal(matrix.crow_indices().numpy(), expected.indptr)
    monkeypatch.setattr("hybridfuse.functional.link_rows.named", None)
    for given in (links, [tuple(link) for link in links.tolist()], links.T):
        assert torch.equal(XIS["graph"](1, n, links=given).calculate_A().col_indices(), matrix.col_indices())


def test_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "links.npz"
    pairs, weights = np.array(LINKS), np.array([weight for *_, weight in WEIGHTED])
    for arrays, expected in [
        ({"links": pairs}, PLAIN),
        ({"edge_index": pairs.T}, PLAIN),
        ({"any": np.array(WEIGHTED)}, HEAVY),
        ({"links": pairs, "weights": weights}, HEAVY),
        ({"edge_index": pairs.T, "weights": weights}, HEAVY),
    ]:
        np.savez(path, **arrays)
        torch.testing.assert_close(_matrix(path=str(path)), expected)
    for matrix, expected in [(scipy.sparse.csr_array(HEAVY.numpy()), HEAVY), (scipy.sparse.coo_matrix(PLAIN), PLAIN)]:
        scipy.sparse.save_npz(path, matrix)
        torch.testing.assert_close(_matrix(path=str(path)), expected)


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({"a": np.zeros((1, 2)), "b": np.zeros((1, 2))}, "must hold one array of links, and weights .*, got a, b"),
        ({"weights": np.zeros(2)}, "must hold one array of links, and weights if there are any, got none"),
        (
            {"links": np.array(LINKS), "weights": np.ones(3)},
            r"^weights of the graph must be 6, one for each link, got \(3,\)",
        ),
        ({"links": np.array([("a", "b")], dtype=object)}, r"^graph\.path must be an \.npz file of arrays of numbers"),
        ({"links": np.zeros((2, 4, 2))}, r"^links must have the shape"),
        (None, r"^graph\.path must be an \.npz file of arrays of numbers, got"),
    ],
)
def test_npz_files_that_are_wrong(arrays: dict[str, Any] | None, match: str, tmp_path: Path) -> None:
    """Nothing that a file could run is unpickled."""
    path = tmp_path / "links.npz"
    if arrays is None:
        path.write_bytes(b"no archive")
    else:
        np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(ValueError, match=match):
        _matrix(path=str(path))


@pytest.mark.parametrize("stem", OF_LINKS)
def test_all_functions_of_a_graph_take_links_alike(stem: str, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("".join(f"{'abcde'[i]},{'abcde'[j]}\n" for i, j in LINKS))
    from_file = _matrix(stem=stem, path=str(tmp_path / "links.csv"), nodes=list("abcde"))
    assert torch.equal(from_file, _matrix(LINKS, stem))
    with pytest.raises(UserWarning, match=rf"^{stem} has no links: give it links="):
        XIS[stem](2, N)
    with pytest.raises(ValueError, match=rf"^{stem}\.nodes must name each of the 5 items once, got 2"):
        XIS[stem](2, N, links=[], nodes=["a", "b"])


def test_links_of_an_object_and_then_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("1,2\n0,1\n")
    expected = torch.from_numpy(graph_matrix(N, [(0, 1, 3.0), (4, 4, 0.5), (1, 2, 1.0), (0, 1, 1.0)]))
    got = _matrix([(0, 1, 3.0), (4, 4, 0.5)], path=str(tmp_path / "links.csv"))
    torch.testing.assert_close(got, expected)
    (tmp_path / "links.csv").write_text("source,target,weight\n1,2,5\n")
    expected = torch.from_numpy(graph_matrix(N, [(0, 1), (1, 2, 5.0)]))
    torch.testing.assert_close(_matrix([(0, 1)], path=str(tmp_path / "links.csv")), expected)
