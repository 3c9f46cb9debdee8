"""Whether graphs are read, split, handed out whole and learned from, and their links get to where they belong."""

import collections
import hashlib
import json
import os
import pickle
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from scipy import sparse
from sklearn import metrics
from torch import Tensor, nn

from hybridfuse.data import GraphCsvData, PlanetoidData, array_pickle, planetoid, planetoid_files, split
from hybridfuse.data.graph_data import GraphData, NodeSplit
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.instantiate import lacks
from hybridfuse.interdependence import Graph
from hybridfuse.main import main
from hybridfuse.model.rpn import Rpn
from hybridfuse.module import SupervisedModule
from hybridfuse.task import Classification

FOLDER = Path(os.environ.get("HYBRIDFUSE_DATA") or "nowhere")
NEEDS_DATA = pytest.mark.skipif(
    not (FOLDER / "planetoid_cora").is_dir() or not (FOLDER / "planetoid_citeseer").is_dir(),
    reason="HYBRIDFUSE_DATA names no folder with planetoid_cora and planetoid_citeseer",
)
XI = "hybridfuse.interdependence"
GRAPH = {"_target_": f"{XI}.graph.Graph"}


# the Planetoid files


def small(folder: Path, name: str = "cora") -> dict[str, Path]:
    """16 nodes, of which no file names 12 and 14; the rows of tx are those of nodes 13, 10, 15 and 11."""
    random = np.random.RandomState(0)
    features = sparse.csr_matrix(random.randint(0, 3, (14, 5)).astype(np.float32))
    labels = np.eye(3, dtype=np.int32)[[0, 1, 2, 1, 1, 0, 2, 2, 0, 1, 2, 0, 1, 0]]
    neighbors: dict[int, list[int]] = collections.defaultdict(list, {node: [] for node in range(16)})
    for node, other in [(0, 1), (1, 0), (0, 1), (2, 2), (3, 4), (5, 3), (13, 10), (15, 0)]:
        neighbors[node].append(other)
    found: dict[str, Any] = {"x": features[:3], "y": labels[:3], "allx": features[:10], "ally": labels[:10]}
    found |= {"tx": features[10:], "ty": labels[10:], "graph": neighbors}
    for part, value in found.items():
        (folder / f"ind.{name}.{part}").write_bytes(pickle.dumps(value, protocol=3))
    (folder / f"ind.{name}.test.index").write_text("13\n10\n15\n11\n")
    return {part: folder / f"ind.{name}.{part}" for part in (*found, "test.index")}


def of_gcn(places: Mapping[str, Path]) -> tuple[np.ndarray, np.ndarray, set[tuple[int, int]]]:
    """Attributes, one-hot labels and links as Kipf's loader puts them together, with pickle and networkx."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tx, ty, allx, ally, graph = (
            pickle.loads(places[part].read_bytes(), encoding="latin1") for part in ("tx", "ty", "allx", "ally", "graph")
        )
    reorder = [int(line) for line in places["test.index"].read_text().split()]
    ordered = np.sort(reorder)
    full = range(min(reorder), max(reorder) + 1)
    padded_x, padded_y = np.zeros((len(full), tx.shape[1])), np.zeros((len(full), ty.shape[1]))
    padded_x[ordered - min(reorder)], padded_y[ordered - min(reorder)] = tx.toarray(), ty
    x, y = np.vstack([allx.toarray(), padded_x]), np.vstack([ally, padded_y])
    x[reorder], y[reorder] = x[ordered], y[ordered]
    edges = nx.from_dict_of_lists(graph).edges
    return x, y, {pair for edge in edges for pair in (edge, edge[::-1]) if edge[0] != edge[1]}


def check_as_of_gcn(places: Mapping[str, Path]) -> planetoid.Planetoid:
    found = planetoid.read(places)
    x, y, links = of_gcn(places)
    assert found.x.dtype == np.float32
    np.testing.assert_array_equal(found.x, x.astype(np.float32))
    np.testing.assert_array_equal(found.y, np.where(y.sum(1) > 0, y.argmax(1), -1))
    assert [tuple(pair) for pair in found.links.tolist()] == sorted(links)
    tested = sorted(int(line) for line in places["test.index"].read_text().split())
    np.testing.assert_array_equal(found.public.test, tested)
    return found


def test_the_files_make_a_graph(tmp_path: Path) -> None:
    found = check_as_of_gcn(small(tmp_path))
    assert found.y.tolist() == [0, 1, 2, 1, 1, 0, 2, 2, 0, 1, 0, 0, -1, 2, -1, 1]
    assert not found.x[[12, 14]].any()
    pairs = [(0, 1), (0, 15), (1, 0), (3, 4), (3, 5), (4, 3), (5, 3), (10, 13), (13, 10), (15, 0)]
    assert found.links.tolist() == [list(pair) for pair in pairs]
    assert [part.tolist() for part in found.public] == [[0, 1, 2], [3, 4, 5, 6, 7, 8, 9], [10, 11, 13, 15]]


@NEEDS_DATA
@pytest.mark.parametrize(
    ("name", "nodes", "words", "classes", "links", "train", "isolated"),
    [("cora", 2708, 1433, 7, 5278, 140, 0), ("citeseer", 3327, 3703, 6, 4552, 120, 15)],
)
def test_the_published_graphs(
    name: str, nodes: int, words: int, classes: int, links: int, train: int, isolated: int
) -> None:
    files = planetoid_files.files(name)
    found = check_as_of_gcn({part: FOLDER / file.folder / file.name for part, file in files.items()})
    data = PlanetoidData(name)
    data.setup()
    assert (data.rows, data.m, data.outputs, len(data.links)) == (nodes, words, classes, 2 * links)
    assert [len(part) for part in data.splits] == [train, 500, 1000]
    assert np.bincount(found.y[found.public.train]).tolist() == [20] * classes
    assert (found.y < 0).sum() == (found.x.sum(1) == 0).sum() == isolated
    x, y, rows = next(iter(data.test_dataloader()))
    np.testing.assert_array_equal(rows, found.public.test)
    np.testing.assert_array_equal(y, found.y[found.public.test])
    np.testing.assert_allclose(x, found.x / np.maximum(found.x.sum(1, keepdims=True), 1), rtol=1e-6)


def test_the_names_of_python_2_are_known(tmp_path: Path) -> None:
    places = small(tmp_path)
    expected = planetoid.read(places)
    for part in ("allx", "graph", "ty"):
        content = places[part].read_bytes()
        for new, old in [
            (b"scipy.sparse._csr", b"scipy.sparse.csr"),
            (b"numpy._core.multiarray", b"numpy.core.multiarray"),
            (b"cbuiltins\n", b"c__builtin__\n"),
        ]:
            content = content.replace(new, old)
        assert content != places[part].read_bytes()
        places[part].write_bytes(content)
    for part, other in zip(planetoid.read(places)[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(part, other)


class _Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_names_anything_else_is_refused_and_nothing_run(tmp_path: Path, protocol: int) -> None:
    place, made = tmp_path / "ind.cora.x", tmp_path / "made"
    place.write_bytes(pickle.dumps([np.zeros(2), _Runs(made)], protocol))
    named = r"(posix|nt)\.mkdir|numpy\S+|_codecs\.encode|copyreg._reconstructor"
    message = rf"^ind\.cora\.x must hold arrays of numpy and scipy and nothing else, got one that names ({named})\.$"
    with pytest.raises(ValueError, match=message):
        array_pickle.read(place)
    assert not made.exists()


@pytest.mark.parametrize(
    "name", [b"builtins\neval", b"os\nsystem", b"numpy\nload", b"builtins\ngetattr", b"numpy\nx.y"]
)
def test_what_a_pickle_must_not_name(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "p").write_bytes(b"c" + name + b"\n.")
    with pytest.raises(ValueError, match=re.escape(f"got one that names {name.decode().replace(chr(10), '.')}.")):
        array_pickle.read(tmp_path / "p")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(np.arange(9.0), 3)[:-20], b"\x80\x63", b"K\x01b."])
def test_a_broken_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match=r"^p must be a pickle of arrays, got one that cannot be read\.$"):
        array_pickle.read(tmp_path / "p")


def test_a_matrix_whose_indices_lead_out_of_it_is_refused(tmp_path: Path) -> None:
    places = small(tmp_path)
    matrix = sparse.csr_matrix(np.ones((4, 5), np.float32))
    matrix.indices[3] = 70_000
    places["tx"].write_bytes(pickle.dumps(matrix, 3))
    with pytest.raises(ValueError, match="indices"):
        planetoid.read(places)


def test_each_graph_has_eight_files_with_checksums_of_their_own() -> None:
    listed = {name: planetoid_files.files(name) for name in planetoid_files.NAMES}
    assert sorted(listed) == ["citeseer", "cora", "pubmed"]
    sums = [file.sha256 for files in listed.values() for file in files.values()]
    assert len(set(sums)) == 24
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in sums)
    for name, files in listed.items():
        assert list(files) == ["x", "y", "tx", "ty", "allx", "ally", "graph", "test.index"]
        for part, file in files.items():
            assert (file.folder, file.name) == (f"planetoid_{name}", f"ind.{name}.{part}")
            assert file.url.startswith("https://raw.githubusercontent.com/kimiyoung/planetoid/")
            assert file.url.endswith(f"/data/ind.{name}.{part}")


# the data modules


@pytest.fixture
def cora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where the small graph stands for the three published ones, its checksums for theirs."""
    for name in planetoid_files.NAMES:
        facts = {part: (place.stat().st_size, _digest(place)) for part, place in small(tmp_path, name).items()}
        monkeypatch.setitem(planetoid_files._FACTS, name, facts)
    monkeypatch.setenv("HYBRIDFUSE_DATA", str(tmp_path))
    return tmp_path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ready(data: GraphData) -> GraphData:
    data.setup()
    return data


def test_attributes_of_a_node_sum_to_one_if_asked(cora: Path) -> None:
    raw, normalized = (next(iter(ready(PlanetoidData(row_normalized=r)).val_dataloader()))[0] for r in (False, True))
    assert raw.max() == 2
    assert not raw[12].any()
    for row, other in zip(raw.numpy(), normalized.numpy(), strict=True):
        np.testing.assert_allclose(other, row / row.sum() if row.any() else row, rtol=1e-6)


def test_the_graph_is_what_a_run_asks_of_data(cora: Path) -> None:
    data = ready(PlanetoidData())
    assert (data.name, data.rows, data.b, data.m, data.outputs, data.task) == ("cora", 16, 16, 5, 3, "classification")
    assert (data.classes, len(data.feature_names), len(data.checksum)) == (["0", "1", "2"], 5, 64)
    assert data.baseline()["accuracy"] == pytest.approx(2 / 4)  # class 0, in training as frequent as 1 and 2
    with pytest.raises(RuntimeError, match="setup must run before"):
        PlanetoidData().baseline()


def test_a_random_split_has_as_many_nodes_of_each_class(cora: Path) -> None:
    data = ready(PlanetoidData(split="random", train_per_class=2, validation_per_class=1, seed=3))
    y = planetoid.read({part: cora / f"ind.cora.{part}" for part in planetoid_files.files("cora")}).y
    rows = [part.rows for part in data.splits]
    assert [np.bincount(y[part], minlength=3).tolist() for part in rows] == [[2, 2, 2], [1, 1, 1], [2, 2, 1]]
    assert sorted(np.concatenate(rows)) == np.flatnonzero(y >= 0).tolist()
    again, other = (
        ready(PlanetoidData(split="random", train_per_class=2, validation_per_class=1, seed=s)) for s in (3, 4)
    )
    assert again.splits.train.rows.tolist() == rows[0].tolist() != other.splits.train.rows.tolist()


def test_per_class_draws_every_node_alike() -> None:
    strata = np.array([0] * 6 + [-1] * 3 + [1] * 5)
    drawn = np.concatenate([split.per_class(strata, 2, 1, seed).train for seed in range(400)])
    counts = np.bincount(drawn, minlength=14)
    assert counts[6:9].tolist() == [0, 0, 0]
    np.testing.assert_allclose(counts[:6], 400 * 2 / 6, atol=45)
    np.testing.assert_allclose(counts[9:], 400 * 2 / 5, atol=45)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "corra"}, "name must be one of cora, citeseer, pubmed, got 'corra'; did you mean cora?"),
        ({"split": "randm"}, "split must be one of public, random, got 'randm'; did you mean random?"),
        ({"train_per_class": 0}, "train_per_class must be >= 1, got 0."),
        ({"validation_per_class": 0}, "validation_per_class must be >= 1, got 0."),
        ({"seed": -1}, "seed must be >= 0, got -1."),
    ],
)
def test_a_planetoid_graph_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PlanetoidData(**options)


def test_a_class_too_small_to_split_is_refused(cora: Path) -> None:
    with pytest.raises(
        ValueError, match=r"more than 2 \+ 2 rows to split, got 4 of class 2; lower data.train_per_class"
    ):
        PlanetoidData(split="random", train_per_class=2, validation_per_class=2).setup()


def test_a_batch_is_the_whole_graph_and_always_the_same(cora: Path) -> None:
    data = ready(PlanetoidData())
    graph = planetoid.read({part: cora / f"ind.cora.{part}" for part in planetoid_files.files("cora")})
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    firsts = []
    for loader, rows in zip(loaders, graph.public, strict=True):
        (batch,), (again,) = list(loader), list(loader)
        assert all(one is other for one, other in zip(batch, again, strict=True))
        np.testing.assert_array_equal(batch[2], rows)
        np.testing.assert_array_equal(batch[1], graph.y[rows])
        firsts.append(batch[0])
    assert all(x is firsts[0] for x in firsts)
    (reference,) = data.reference_dataloader()
    assert reference[0] is firsts[0]


def test_some_rows_of_a_split() -> None:
    x = torch.randn(5, 2)
    nodes = NodeSplit(x, np.array([7, 8, 9]), np.array([0, 2, 4]))
    found, y, rows = nodes.__getitems__([2, 0])
    assert found is x
    assert (y.tolist(), rows.tolist()) == ([9, 7], [4, 0])
    assert nodes[1][1].tolist() == [8]


def test_a_batch_is_moved_to_a_device_once(cora: Path) -> None:
    data = ready(PlanetoidData())
    batches = [next(iter(loader)) for loader in (data.train_dataloader(), data.val_dataloader(), data.val_dataloader())]
    train, validation, again = (data.transfer_batch_to_device(b, torch.device("meta"), 0) for b in batches)
    assert train[0].device.type == "meta"
    assert train[0] is validation[0]
    assert validation[1] is again[1] is not train[1]
    assert data.transfer_batch_to_device(batches[0], torch.device("cpu"), 0)[0] is batches[0][0]


# training


class _Linear(nn.Module):
    def __init__(self, m: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, m * outputs).view(m, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


def fitted(data: GraphData, learner: SupervisedModule) -> dict[str, float]:
    """Metrics of one epoch of training, and of validation and test after it."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, num_sanity_val_steps=0, **quiet)
    trainer.fit(learner, datamodule=data)
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    trainer.test(learner, datamodule=data, verbose=False)
    return found | {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.filterwarnings("ignore")
def test_the_rows_of_a_split_alone_count(cora: Path) -> None:
    """A step of descent and the metrics, computed by numpy of the rows of each split."""
    data = ready(PlanetoidData())
    network = _Linear(data.m, data.outputs)
    weights = network.weight.detach().numpy().astype(np.float64)
    learner = SupervisedModule(network, Classification(3), lambda parameters: torch.optim.SGD(parameters, lr=0.5))
    found = fitted(data, learner)
    graph = planetoid.read({part: cora / f"ind.cora.{part}" for part in planetoid_files.files("cora")})
    x = graph.x / np.maximum(graph.x.sum(1, keepdims=True), 1).astype(np.float64)
    for name, rows in zip(("train", "val", "test"), graph.public, strict=True):
        scores, truth = x[rows] @ weights, graph.y[rows]
        chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        assert found[f"{name}/loss"] == pytest.approx(metrics.log_loss(truth, chances, labels=range(3)), rel=1e-4)
        assert found[f"{name}/accuracy"] == pytest.approx(metrics.accuracy_score(truth, scores.argmax(1)))
        if name == "train":  # the step, after which the others are computed
            weights -= 0.5 * x[rows].T @ (chances - np.eye(3)[truth]) / len(rows)
    np.testing.assert_allclose(network.weight.detach().numpy(), weights, rtol=1e-4, atol=1e-6)


# links for the functions


LINKS = np.array([[0, 1], [1, 2], [3, 1]])


def matrix(links: Any, n: int = 4) -> Tensor:
    found = torch.zeros(n, n)
    for source, target, *weight in np.asarray(links).tolist():
        found[int(source), int(target)] = weight[0] if weight else 1
    return found


def hybrid(configs: Any, links: Any = LINKS, kind: Any = "instance") -> HybridInterdependence:
    fusion = {"_target_": "hybridfuse.fusion.sum.Sum"}
    return HybridInterdependence(
        4, 4, kind, interdependence_function_configs=configs, fusion_function_config=fusion, links=links
    )


@pytest.mark.parametrize(
    "links", [LINKS, torch.tensor([[0, 3], [2, 0], [1, 1]]), np.array([[0.0, 1.0, 2.5], [2.0, 3.0, -1.0]])]
)
def test_links_reach_a_graph(links: Any) -> None:
    for config in (GRAPH, {"function_class": Graph}, {**GRAPH, "links": None, "path": None}):
        torch.testing.assert_close(hybrid([config], links).calculate_A().to_dense(), matrix(links))
    both = hybrid({"one": GRAPH, "other": GRAPH}, links).calculate_A().to_dense()
    torch.testing.assert_close(both, 2 * matrix(links))


def test_links_of_its_own_come_first(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("2,3\n")
    for config in ({**GRAPH, "links": [[2, 3]]}, {**GRAPH, "path": str(tmp_path / "own.csv")}):
        torch.testing.assert_close(hybrid([config]).calculate_A().to_dense(), matrix([[2, 3]]))


def test_links_are_of_instances_and_for_functions_that_take_them() -> None:
    with pytest.warns(UserWarning, match="graph has no links"):
        assert not hybrid([GRAPH], kind="attribute").calculate_A().to_dense().any()
    with pytest.warns(UserWarning, match="graph has no links"):
        hybrid([GRAPH], links=None)
    assert hybrid([{"_target_": f"{XI}.chain.Chain"}]).calculate_A().shape == (4, 4)


def test_links_reach_a_hybrid_in_a_hybrid() -> None:
    inner = {
        "_target_": "hybridfuse.hybrid.HybridInterdependence",
        "interdependence_function_configs": [GRAPH],
        "fusion_function_config": {"_target_": "hybridfuse.fusion.mean.Mean"},
    }
    torch.testing.assert_close(hybrid([inner]).calculate_A().to_dense(), matrix(LINKS))


def test_links_reach_each_layer_of_the_network() -> None:
    config = {
        "_target_": "hybridfuse.hybrid.HybridInterdependence",
        "interdependence_type": "instance",
        "interdependence_function_configs": {"graph": GRAPH},
        "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
    }
    parts = {
        "transformation": {"_target_": "hybridfuse.model.transformation.identity.Identity"},
        "reconciliation": {"_target_": "hybridfuse.reconciliation.full.Full"},
        "remainder": {"_target_": "hybridfuse.model.remainder.linear.Linear"},
        "activation": {"_target_": "torch.nn.Tanh"},
    }
    for hidden, bias in ([2], True), ([9], True), ([2], False), ([9], False):
        network = Rpn(4, 5, 3, **parts, hybrid=config, hidden=hidden, bias=bias, links=LINKS)
        x = expected = torch.randn(4, 5)
        for layer in (network.layers[0], network.layers[-1]):
            if bias:
                nn.init.normal_(layer.bias)
            related = matrix(LINKS).T @ expected @ layer.reconciliation().T
            answer = related + (layer.bias if bias else 0) + expected @ layer.remainder.weight.T
            expected = answer if layer is network.layers[-1] else answer.tanh()
        torch.testing.assert_close(network.eval()(x), expected)


def test_what_lacks_a_parameter() -> None:
    assert lacks(GRAPH, "links")
    assert lacks({"function_class": Graph, "function_parameters": {"links": None}}, "links", ["path"])
    assert not lacks({**GRAPH, "links": [[0, 1]]}, "links")
    assert not lacks({**GRAPH, "path": "a.csv"}, "links", ["path"])
    assert lacks({**GRAPH, "path": "a.csv"}, "links")
    assert not lacks({"_target_": f"{XI}.chain.Chain"}, "links")
    with pytest.raises(ValueError, match="_target_ must lie in hybridfuse's parts"):
        lacks({"_target_": "os.system"}, "links")
    with pytest.raises(ValueError, match="does not exist"):
        lacks({"_target_": f"{XI}.graph.Graf"}, "links")


# a graph of the user's own


def table(folder: Path, cells: str, links: str | None = "a,b\nb,d\n", **options: Any) -> GraphCsvData:
    (folder / "my.csv").write_text(cells)
    if links is not None:
        (folder / "my_links.csv").write_text(links)
    given = {"path": str(folder / "my.csv"), "target": "y", "links": str(folder / "my_links.csv")}
    return GraphCsvData(**given | options)


NODES = [f"n{index}" for index in range(30)]
CELLS = "id,u,v,y\n" + "\n".join(f"n{i},{i * i},{'pqr'[i // 10]},{['', 'yes', 'no'][i % 3]}" for i in range(30))


def test_a_table_and_links_make_a_graph(tmp_path: Path) -> None:
    links = "source,target,weight\nn0,n5,2\nn29,n1,-0.5\n"
    data = ready(table(tmp_path, CELLS, links, node="id", test=0.3, validation=0.2, seed=4))
    assert data.links.tolist() == [[0, 5, 2], [29, 1, -0.5], [5, 0, 2], [1, 29, -0.5]]
    assert (data.rows, data.b, data.m, data.classes) == (30, 30, 4, ["no", "yes"])
    assert data.feature_names == ["u", "v=p", "v=q", "v=r"]
    rows = [part.rows for part in data.splits]
    assert sorted(np.concatenate(rows)) == [row for row in range(30) if row % 3]
    assert [len(part) for part in rows] == [10, 4, 6]
    x, y, train = next(iter(data.train_dataloader()))
    numbers = np.arange(30.0) ** 2
    np.testing.assert_allclose(x[:, 0], (numbers - numbers[rows[0]].mean()) / numbers[rows[0]].std(), rtol=1e-5)
    assert y.tolist() == [int(row % 3 == 1) for row in train.tolist()]
    assert data.checksum == _digest(tmp_path / "my.csv")
    assert data.links_checksum == _digest(tmp_path / "my_links.csv")


@pytest.mark.parametrize("links", ["", "source,target\n"])
def test_a_file_without_links_is_told(tmp_path: Path, links: str) -> None:
    with pytest.warns(UserWarning, match=r"^data\.links, .*my_links\.csv, holds no links\.$"):
        assert len(ready(table(tmp_path, CELLS, links, node="id")).links) == 0


@pytest.mark.parametrize(("directed", "expected"), [(False, [[1, 0], [0, 1]]), (True, [[1, 0]])])
def test_a_link_leads_one_way_or_both(tmp_path: Path, directed: bool, expected: list[list[int]]) -> None:
    data = ready(table(tmp_path, CELLS.replace("n", ""), "1,0", node=None, ignore=["id"], directed=directed))
    assert data.links.tolist() == expected


@pytest.mark.parametrize("names", ["numbers", "padded", "words"])
def test_nodes_are_called_as_their_column_says(tmp_path: Path, names: str) -> None:
    """Whole numbers are numbers, so that links of an array find them; 007 is not 7."""
    called = {"numbers": "{}", "padded": "{:03}", "words": "node {}"}[names]
    rows = [f"{called.format(7 * i)},{i},{'ab'[i % 2]}" for i in range(12)]
    links = f"{called.format(0)},{called.format(77)}"
    data = ready(table(tmp_path, "id,u,y\n" + "\n".join(rows), links, node="id"))
    assert data.links.tolist() == [[0, 11], [11, 0]]
    if names == "numbers":
        np.savez(tmp_path / "links.npz", np.array([[7, 14], [77, 0]]))
        data = ready(GraphCsvData(str(tmp_path / "my.csv"), "y", str(tmp_path / "links.npz"), "id"))
        assert data.links.tolist() == [[1, 2], [11, 0], [2, 1], [0, 11]]


def test_a_column_may_say_the_split(tmp_path: Path) -> None:
    said = ["train", "validation", "test", "", "train", "test", "", "train", "validation", "train"]
    rows = [f"{i},{'' if i == 3 else 'ab'[i % 2]},{name}" for i, name in enumerate(said)]
    data = ready(table(tmp_path, "u,y,part\n" + "\n".join(rows), "0,1", split="part"))
    assert [part.rows.tolist() for part in data.splits] == [[0, 4, 7, 9], [1, 8], [2, 5]]
    assert data.m == 1


def test_numbers_are_standardised_by_the_training_nodes(tmp_path: Path) -> None:
    targets = [1.5, -2.0, 10.25, 3.0, 4.5, 6.0, -7.5, 8.0]
    said = ["train", "train", "train", "validation", "validation", "test", "test", ""]
    rows = [f"{i},{value if name else ''},{name}" for i, (value, name) in enumerate(zip(targets, said, strict=True))]
    data = ready(table(tmp_path, "u,y,part\n" + "\n".join(rows), "0,1", split="part"))
    mean, scale = np.mean(targets[:3]), np.std(targets[:3])
    assert (data.task, data.outputs, data.classes) == ("regression", 1, [])
    assert (data.target_mean, data.target_scale) == pytest.approx((mean, scale))
    np.testing.assert_allclose(data.splits.validation[0][1], [(3.0 - mean) / scale], rtol=1e-6)
    assert data.baseline()["mae"] == pytest.approx(np.mean(np.abs(np.array([6.0, -7.5]) - mean)))


SPLIT = "id,u,y,part\na,1,p,train\nb,2,q,train\nc,3,p,validation\nd,4,q,test\ne,5,p,test\nf,6,q,"


PLAIN = {"node": None, "ignore": ["id"]}
REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    (SPLIT, "a,b\nb,x", {}, "link 2 of the graph names 'x', which is not among its 6 nodes."),
    (SPLIT, "a,b\nb,7", PLAIN, "link 1 of the graph names 'a', which is not among its 6 nodes."),
    (SPLIT, "0,6", PLAIN, "link 1 of the graph names '6', which is not among its 6 nodes."),
    (SPLIT, "a,b,c\n", {}, "link 1 of the graph must be a pair of nodes, got ('a', 'b', 'c'); a first line"),
    (
        *(SPLIT.replace("b,2", "a,2"), "a,c", {}),
        "column 'id' must name each node differently, got 'a' in line 2 of my.csv and in line 3 of my.csv.",
    ),
    (SPLIT.replace("b,2", ",2"), "a,c", {}, "column 'id' must name each node, got no name in line 3 of my.csv."),
    (SPLIT, "a,b", {"node": "ids"}, "data.node must name a column of my.csv (id, u, y, part), got 'ids'; did you"),
    (SPLIT, "a,b", {"split": "prt"}, "data.split must name a column of my.csv (id, u, y, part), got 'prt'; did you"),
    (
        *(SPLIT.replace("c,3,p", "c,3,"), "a,b", {}),
        "target 'y' must have a value in each row of a split, got none in line 4 of my.csv, a row of validation; "
        "fill the cell or empty that of 'part'.",
    ),
    (
        *(SPLIT.replace("validation", "valid"), "a,b", {}),
        "column 'part' must say train, validation, test or nothing of each node, got 'valid' in line 4 of my.csv.",
    ),
    (
        *(SPLIT.replace("validation", "test"), "a,b", {}),
        "column 'part' must say validation of some node of my.csv, got none.",
    ),
    (
        *("id,u,y,part\na,1,,\nb,2,,", "a,b", {}),
        "target 'y' must have a value in some row of my.csv, got only empty cells.",
    ),
    (SPLIT, "a,b", {"target": "z"}, "data.target must name a column of my.csv (id, u, y, part), got 'z'."),
]


@pytest.mark.parametrize(("cells", "links", "options", "message"), REFUSED)
def test_a_graph_that_does_not_fit_is_refused(
    tmp_path: Path, cells: str, links: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        table(tmp_path, cells, links, **{"node": "id", "split": "part"} | options).setup()


def test_a_graph_needs_its_files_and_options(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^data\.links must be given, a file of links, e\.g\. data\.links=edges\.csv\.$"
    ):
        GraphCsvData("my.csv", "y")
    with pytest.raises(
        FileNotFoundError, match=r"^data\.links must be a file of links, got .*my_links.csv, which does not"
    ):
        table(tmp_path, CELLS, links=None, node="id").setup()
    with pytest.raises(FileNotFoundError, match=r"^data\.path must be a file, got .*\.csv, which does not exist"):
        table(tmp_path, CELLS, path=str(tmp_path / "other.csv")).setup()
    with pytest.raises(TypeError, match=r"^directed must be true or false, got 1\.$"):
        table(tmp_path, CELLS, directed=1)
    with pytest.raises(TypeError, match="ignore must be a list of columns"):
        table(tmp_path, CELLS, ignore="id")


# the command


def planted(folder: Path) -> list[str]:
    """Two communities of 40 nodes, each linked within, attributes of no use; 6 nodes of each train."""
    random = np.random.RandomState(1)
    links = [(i, j) for i in range(80) for j in range(i) if i % 2 == j % 2 and random.rand() < 0.2]
    (folder / "links.csv").write_text("\n".join(f"{i},{j}" for i, j in links))
    noise = random.randn(80, 8)
    cells = [",".join(f"{value:.3f}" for value in row) + f",{'ab'[i % 2]}" for i, row in enumerate(noise)]
    (folder / "nodes.csv").write_text("\n".join([",".join("stuvwxyz"[:8]) + ",class", *cells]))
    data = ["data=graph_csv", "data.path=nodes.csv", "data.links=links.csv", "data.target=class"]
    return [
        *data,
        "data.validation=0.2",
        "data.test=0.65",
        "device=cpu",
        "callbacks=minimal",
        "logger=none",
        "trainer.max_epochs=40",
    ]


@pytest.mark.slow
def test_a_network_learns_along_the_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of attributes that tell nothing the means over neighbours tell the community, once they are learned by heart."""
    monkeypatch.chdir(tmp_path)
    words = planted(tmp_path)
    own = [
        "axis=instance",
        "interdependence=[multihop_graph]",
        "interdependence.multihop_graph.hops=3",
        "postprocess=column",
        "model.hidden=[16]",
    ]
    found = {}
    for name, model in (("graph", own), ("alone", ["model=mlp"])):
        monkeypatch.setattr(sys, "argv", ["train.py", *words, *model, f"runs={name}"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        (record,) = (json.loads(path.read_text()) for path in tmp_path.glob(f"{name}/*/*/record.json"))
        found[name] = record["metrics"]["test/accuracy"]
        assert record["data"]["links_sha256"] == _digest(tmp_path / "links.csv")
    assert found["graph"] > 0.9
    assert found["alone"] < 0.65
    assert "80 rows (12 train, 16 validation, 52 test), 8 attributes" in capsys.readouterr().out
    (tmp_path / "links.csv").write_text("0,1\n")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "links.csv has changed since this run was done" in capsys.readouterr().err


@pytest.mark.slow
def test_the_experiments_run(cora: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On the small graph; a random split of it has too few nodes of each class."""
    monkeypatch.chdir(cora)
    for name in (f"{data}_{kind}" for data in planetoid_files.NAMES for kind in ("graph", "hybrid", "best")):
        monkeypatch.setattr(
            sys, "argv", ["train.py", f"experiment={name}", "device=cpu", "logger=none", "trainer.max_epochs=2"]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code, said.err) == (0, "")
        assert f"{name.partition('_')[0]}: 16 rows (3 train, 7 validation, 4 test), 5 attributes, 3 classes" in said.out
    monkeypatch.setattr(
        sys, "argv", ["train.py", "experiment=cora_graph", "device=cpu", "logger=none", "data.split=random"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "failed: a class must have more than 20 + 30 rows to split, got 5 of class 0;" in capsys.readouterr().err
