"""Whether what is planted is there, and whether the right interdependence function finds it and no other does."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor, nn

import hybridfuse.data.structure
from hybridfuse import command
from hybridfuse.command import VERSION_BASE, CommandError
from hybridfuse.data import PlantedData, PlantedInstancesData, planted
from hybridfuse.data.structure import Block, Chain, Grid, RandomGraph, Structure
from hybridfuse.discovery import concrete_classes
from hybridfuse.instantiate import instantiate
from hybridfuse.main import main

CONF = Path(__file__).parents[1] / "conf"
STRUCTURES: dict[str, Structure] = {"chain": Chain(), "grid": Grid(), "block": Block(), "random_graph": RandomGraph()}
EVERY = pytest.mark.parametrize("name", STRUCTURES)


def adjacency(links: np.ndarray, n: int) -> np.ndarray:
    matrix = np.zeros((n, n))
    for source, target in links.tolist():
        matrix[source, target] += 1
    return matrix


# structures


def is_linked(name: str, i: int, j: int, n: int) -> bool:
    if name == "chain":
        return abs(i - j) == 1
    if name == "grid":  # n = 24: 4 rows of 6
        return abs(i // 6 - j // 6) + abs(i % 6 - j % 6) == 1
    return i != j and i // 4 == j // 4


@pytest.mark.parametrize("name", ["chain", "grid", "block"])
def test_links_are_those_of_a_double_loop(name: str) -> None:
    for n in (24,) if name == "grid" else (2, 5, 23, 24):
        expected = [[i, j] for i, j in itertools.product(range(n), repeat=2) if is_linked(name, i, j, n)]
        assert STRUCTURES[name].links(n, 0).tolist() == expected


def test_a_grid_is_as_square_as_can_be() -> None:
    for n, width in ((2, 2), (12, 4), (36, 6), (13, 13), (1000, 40)):
        assert np.array_equal(Grid().links(n, 0), Grid(width).links(n, 0))
    assert not np.array_equal(Grid(3).links(12, 0), Grid(4).links(12, 0))


def test_a_random_graph_has_its_links_and_follows_the_seed() -> None:
    first, again, other = (RandomGraph(3.0).links(50, seed) for seed in (4, 4, 5))
    matrix = adjacency(first, 50)
    assert matrix.sum() == len(first) == 150
    assert matrix.max() == 1
    assert not matrix.diagonal().any()
    assert np.array_equal(matrix, matrix.T)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    full = RandomGraph(6).links(7, 0)
    assert full.tolist() == [[i, j] for i, j in itertools.permutations(range(7), 2)]


def test_every_pair_of_a_random_graph_is_as_likely() -> None:
    counts = sum(adjacency(RandomGraph(2).links(6, seed), 6) for seed in range(400))
    assert np.abs(counts[np.triu_indices(6, 1)] / 400 - 0.4).max() < 0.1


@EVERY
def test_each_structure_has_a_yaml(name: str) -> None:
    node = OmegaConf.load(CONF / "data" / "structure" / f"{name}.yaml")
    built = instantiate(node)
    assert type(built) is type(STRUCTURES[name])
    assert vars(built) == vars(STRUCTURES[name])
    assert set(node) - {"_target_"} == set(vars(built))


def test_there_are_no_other_structures() -> None:
    assert set(concrete_classes(hybridfuse.data.structure, Structure)) == set(STRUCTURES)
    assert {path.stem for path in (CONF / "data" / "structure").iterdir()} == set(STRUCTURES)


@pytest.mark.parametrize(("data", "name"), [("planted", "block"), ("planted_instances", "chain")])
def test_a_structure_is_chosen_on_the_command_line(data: str, name: str) -> None:
    with initialize_config_dir(str(CONF), job_name="train", **VERSION_BASE):
        config = compose("train", [f"data={data}", f"data/structure={name}"])
    assert type(instantiate(config.data).structure) is type(STRUCTURES[name])


# attributes


@EVERY
def test_linked_attributes_covary_by_the_class_and_no_others(name: str) -> None:
    n = 12
    links = STRUCTURES[name].links(n, 0)
    x, y = planted.attributes(links, 40_000, n, 0.8, 1)
    matrix = adjacency(links, n)
    spectrum = np.linalg.eigvals(matrix).real
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    assert np.bincount(y).tolist() == [20_000, 20_000]
    assert not np.array_equal(y[:20], np.sort(y[:20]))
    for sign, bound in ((0, -spectrum.max()), (1, -spectrum.min())):
        expected = np.eye(n) + 0.8 / bound * matrix
        np.testing.assert_allclose(x[y == sign].T @ x[y == sign] / 20_000, expected, atol=0.05)


def test_strength_zero_plants_nothing_and_the_seed_decides() -> None:
    links = Chain().links(8, 0)
    x, y = planted.attributes(links, 20_000, 8, 0.0, 1)
    for sign in (0, 1):
        np.testing.assert_allclose(np.cov(x[y == sign].T), np.eye(8), atol=0.05)
    one, same, other = (planted.attributes(links, 50, 8, 0.9, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@EVERY
def test_the_data_module_hands_out_what_was_planted(name: str) -> None:
    data = PlantedData(STRUCTURES[name], rows=300, attributes=24, seed=3)
    data.setup()
    x, y = planted.attributes(STRUCTURES[name].links(24, 3), 300, 24, 0.9, 3)
    trained = data.splits.train.rows
    expected = (x[trained] - x[trained].mean(0)) / x[trained].std(0)
    np.testing.assert_allclose(data.splits.train.x, expected, atol=1e-5)
    assert torch.equal(data.splits.test.y, torch.from_numpy(y[data.splits.test.rows]))
    assert (data.m, data.outputs, data.rows, data.b) == (24, 2, 300, 64)
    assert data.attribute_links.tolist() == STRUCTURES[name].links(24, 3).tolist()
    other = PlantedData(STRUCTURES[name], rows=300, attributes=24, seed=4)
    other.setup()
    assert other.checksum != data.checksum


class Additive(nn.Module):
    """Functions of single columns of X A, added up: without A, it is blind to how attributes depend on each other."""

    def __init__(self, a: Tensor) -> None:
        super().__init__()
        self.a = a
        self.weights = nn.Linear(2 * a.shape[1], 2)

    def forward(self, x: Tensor) -> Tensor:
        related = x @ self.a
        return self.weights(torch.cat([related, related**2], dim=1))


def trained(network: nn.Module, data: Any) -> float:
    """Accuracy on the test rows after some steps on all training rows."""
    train, test = data.splits.train, data.splits.test
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(train.x), train.y).backward()
        optimizer.step()
    return float((network(test.x).argmax(1) == test.y).float().mean())


def permuted(matrix: np.ndarray) -> np.ndarray:
    """The same structure of other items."""
    order = np.random.RandomState(0).permutation(len(matrix))
    return matrix[np.ix_(order, order)]


def tensor(matrix: np.ndarray) -> Tensor:
    return torch.tensor(matrix + np.eye(len(matrix)), dtype=torch.float32)


@EVERY
def test_the_right_attributes_win(name: str) -> None:
    data = PlantedData(STRUCTURES[name], rows=1500, attributes=36)
    data.setup()
    matrix = adjacency(data.attribute_links, 36)
    torch.manual_seed(0)
    right, wrong = trained(Additive(tensor(matrix)), data), trained(Additive(tensor(permuted(matrix))), data)
    identity = trained(Additive(torch.eye(36)), data)
    assert right > 0.75
    assert right > wrong + 0.1
    assert identity < 0.6


def test_the_weaker_the_harder() -> None:
    accuracies = []
    for strength in (0.0, 0.4, 0.95):
        data = PlantedData(Chain(), rows=3000, attributes=24, strength=strength)
        data.setup()
        torch.manual_seed(0)
        accuracies.append(trained(Additive(tensor(adjacency(data.attribute_links, 24))), data))
    assert accuracies[0] < 0.6 < accuracies[1] < accuracies[2] - 0.05


# instances


@EVERY
def test_a_class_follows_from_linked_instances(name: str) -> None:
    links = STRUCTURES[name].links(96, 0)
    x, y = planted.instances(links, 96, 5, 0.9, 2)
    random = np.random.RandomState(2)
    told, noise, w = random.standard_normal((96, 5)), random.standard_normal(96), random.standard_normal(5)
    np.testing.assert_array_equal(x, told.astype(np.float32))
    w /= np.linalg.norm(w)
    for i in range(96):
        linked = [j for source, j in links.tolist() if source == i]
        heard = sum(told[j] @ w for j in linked) / max(len(linked), 1) ** 0.5
        assert y[i] == (0.9 * heard + 0.19**0.5 * noise[i] > 0)


def trained_on_all(relation: np.ndarray, data: PlantedInstancesData) -> float:
    """Accuracy on the nodes that test of a network of what the relation brings to each."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    ((x, y, rows),), ((_, expected, tested),) = data.train_dataloader(), data.test_dataloader()
    brought = torch.tensor(relation, dtype=torch.float32).T @ x
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(brought)[rows], y).backward()
        optimizer.step()
    return float((network(brought)[tested].argmax(1) == expected).float().mean())


@EVERY
def test_the_right_instances_win(name: str) -> None:
    data = PlantedInstancesData(STRUCTURES[name], rows=1200, attributes=8)
    data.setup()
    matrix = adjacency(data.links, 1200)
    right, wrong, identity = (trained_on_all(a, data) for a in (matrix, permuted(matrix), np.eye(1200)))
    assert right > 0.8
    assert max(wrong, identity) < 0.6


def test_instances_are_split_and_described() -> None:
    data = PlantedInstancesData(RandomGraph(), rows=200, attributes=3, seed=1)
    data.setup()
    assert [len(part) for part in data.splits] == [140, 20, 40]
    assert (data.b, data.m, data.outputs, data.classes) == (200, 3, 2, ["negative", "positive"])
    assert data.feature_names == ["x0", "x1", "x2"]
    assert np.array_equal(data.links, RandomGraph().links(200, 1))


# sentences


ERRORS = [
    (lambda: Grid(0), ValueError, r"^width must be >= 1, got 0\.$"),
    (lambda: Grid(5).links(12, 0), ValueError, r"^width must divide the 12 items of a grid, got 5\.$"),
    (lambda: Block(1), ValueError, r"^size must be >= 2, got 1\.$"),
    (lambda: RandomGraph(0), ValueError, r"^degree must be > 0, got 0\.$"),
    (lambda: RandomGraph(4).links(4, 0), ValueError, r"^degree must be <= 3, the number of other items, got 4\.$"),
    (lambda: RandomGraph(0.1).links(3, 0), ValueError, r"^a structure must link items, got no links of 3 items\.$"),
    (lambda: Chain().links(1, 0), ValueError, r"^a structure must link items, got no links of 1 items\.$"),
    (lambda: PlantedData("chain"), TypeError, r"^structure must be of Structure objects, got str\.$"),
    (lambda: PlantedData(Chain(), rows=5), ValueError, r"^rows must be >= 6, got 5\.$"),
    (lambda: PlantedData(Chain(), attributes=1), ValueError, r"^attributes must be >= 2, got 1\.$"),
    (lambda: PlantedData(Chain(), strength=1.0), ValueError, r"^strength must be in \[0, 1\), got 1\.0\.$"),
    (lambda: PlantedInstancesData(None), TypeError, r"^structure must be of Structure objects, got NoneType\.$"),
    (lambda: PlantedInstancesData(Chain(), rows=5), ValueError, r"^rows must be >= 6, got 5\.$"),
    (lambda: PlantedInstancesData(Chain(), attributes=0), ValueError, r"^attributes must be >= 1, got 0\.$"),
    (lambda: PlantedInstancesData(Chain(), strength=-0.1), ValueError, r"^strength must be in \[0, 1\), got -0\.1\.$"),
    (lambda: PlantedInstancesData(Chain(), test=1), ValueError, r"^validation \+ test must be < 1, got 0\.1 \+ 1\.$"),
    (lambda: PlantedInstancesData(Chain(), seed=-1), ValueError, r"^seed must be >= 0, got -1\.$"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_sentences(case: int) -> None:
    make, error, sentence = ERRORS[case]
    with pytest.raises(error, match=sentence):
        make()


# the program


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["data=planted", "data/structure=gird"], r"^data/structure must be among .*, got gird; did you mean grid\?$"),
        (["data=planted", "data.structure.widht=3"], r"^data\.structure\.widht is no setting; did you mean .*width\?$"),
        (["data=iris", "data/structure=grid"], r"data/structure"),
    ],
)
def test_a_wrong_structure_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as error:
        command.check(CONF, words)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["experiment=planted_additive"],
        ["data=planted_instances", "axis=instance", "interdependence=[graph]", "model.hybrid_layers=1"],
    ],
)
def test_planted_data_train(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py", *words, "trainer.max_epochs=12", "callbacks=minimal", "device=cpu"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("runs/*/*/record.json"))
    assert record["metrics"]["train/accuracy"] > 0.7
