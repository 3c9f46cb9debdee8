"""Whether tables are read, split, prepared and handed out as they should be, and refused with a sentence."""

import hashlib
import inspect
import itertools
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf
from sklearn import datasets, metrics
from sklearn.dummy import DummyClassifier, DummyRegressor
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler

import hybridfuse.data
from hybridfuse.data import CsvData, Data, ParquetData, SklearnData, TableData, baseline, csv_cells, split
from hybridfuse.data.batches import Loader
from hybridfuse.discovery import concrete_classes

CONF = Path(__file__).parent.parent / "conf" / "data"
YAMLS = sorted(CONF.glob("*.yaml"))
VARYING = {"name", "seed"}
SETS = {"digits": 1797, "wine": 178, "breast_cancer": 569, "iris": 150, "diabetes": 442}
BOTH = pytest.mark.parametrize("name", ["wine", "diabetes"])


def sklearn_data(name: str, **options: Any) -> TableData:
    data = SklearnData(name, **options)
    data.setup()
    return data


def csv_data(folder: Path, content: str | bytes, **options: Any) -> TableData:
    path = folder / "my.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    data = CsvData(**{"path": str(path), "target": "y"} | options)
    data.setup()
    return data


def parquet_data(folder: Path, columns: dict[str, Any], **options: Any) -> TableData:
    pl.DataFrame(columns).write_parquet(folder / "my.parquet")
    data = ParquetData(**{"path": str(folder / "my.parquet"), "target": "y"} | options)
    data.setup()
    return data


def table(rows: int = 120) -> list[list[str]]:
    """Numbers a and b with gaps, a text c with gaps and with texts that occur once, a text target y."""
    random = np.random.RandomState(1)
    cells = [[f"{u:.6g}", f"{v:.6g}"] for u, v in random.lognormal(1, 2, (rows, 2))]
    for row, line in enumerate(cells):
        line[row % 2] = line[row % 2] if row % 5 else ""
        line.append(f"rare{row}" if row % 6 == 0 else ["p", "q", "q", "", "r"][row % 5])
        line.append(["u", "v", "v"][row % 3])
    return cells


def text(cells: list[list[str]], header: str = "a,b,c,y") -> str:
    return "\n".join([header, *(",".join(line) for line in cells)])


def whole(data: TableData) -> tuple[np.ndarray, np.ndarray]:
    """x and y of all splits in the order of the table."""
    order = np.argsort(np.concatenate([part.rows for part in data.splits]))
    x, y = (torch.cat([getattr(part, name) for part in data.splits]).numpy() for name in "xy")
    return x[order], y[order]


def line(values: list[Any], column: str = "a") -> str:
    """A CSV of one attribute and a sound target."""
    return f"{column},y\n" + "\n".join(f"{value},{'uv'[row % 2]}" for row, value in enumerate(values))


# splits


@pytest.mark.parametrize("counts", [[40, 30, 30], [3, 97], [3, 3, 3], [1000, 17, 5, 4]])
@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.25, 0.5), (0.05, 0.9), (0.9, 0.05), (0.01, 0.01)])
def test_splits_are_stratified(counts: list[int], validation: float, test: float) -> None:
    strata = np.random.RandomState(0).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = split.stratified(strata, validation, test, seed=3)
    assert sorted(np.concatenate(rows)) == list(range(len(strata)))
    for stratum, count in enumerate(counts):
        trained, validated, tested = (int(np.sum(strata[part] == stratum)) for part in rows)
        assert trained >= 1
        assert abs(tested - max(1, test * count)) <= 0.5 or trained == validated == 1
        assert abs(validated - max(1, validation * count)) <= 0.5 or trained == 1


def test_halves_are_rounded_up() -> None:
    rows = split.stratified(np.repeat([0, 1], [5, 15]), 0.1, 0.3, seed=0)
    assert [len(part) for part in rows] == [20 - 3 - 7, 1 + 2, 2 + 5]


def test_split_is_random_and_follows_the_seed() -> None:
    first, again, other = (split.stratified(np.zeros(100), 0.1, 0.2, seed) for seed in (7, 7, 8))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)
    assert not np.array_equal(np.diff(first.test), np.ones(19))
    assert all(np.all(np.diff(part) > 0) for part in first)


def test_rows_that_validate_and_test_are_in_random_order() -> None:
    data, same = sklearn_data("digits"), sklearn_data("digits")
    rows = split.stratified(datasets.load_digits().target, data.validation, data.test, data.seed)
    for part, again, drawn in zip(data.splits, same.splits, rows, strict=True):
        assert np.array_equal(part.rows, again.rows)
        assert np.array_equal(np.sort(part.rows), drawn)
    for part in data.splits[1:]:
        assert abs(np.corrcoef(part.rows, np.arange(len(part)))[0, 1]) < 0.2


def test_a_regression_has_two_rows_in_each_split(tmp_path: Path) -> None:
    data = csv_data(tmp_path, "a,y\n" + "\n".join(f"{row},{row / 7}" for row in range(1, 7)), validation=0.01)
    assert [len(part) for part in data.splits] == [2, 2, 2]


@BOTH
def test_module_splits_as_asked(name: str) -> None:
    data = sklearn_data(name, validation=0.1, test=0.3, seed=5)
    assert len(data.splits.validation) == pytest.approx(0.1 * data.rows, abs=2)
    assert len(data.splits.test) == pytest.approx(0.3 * data.rows, abs=2)
    assert sum(map(len, data.splits)) == data.rows == SETS[name]
    same, other = (sklearn_data(name, validation=0.1, test=0.3, seed=seed) for seed in (5, 6))
    assert np.array_equal(same.splits.test.rows, data.splits.test.rows)
    assert not np.array_equal(other.splits.test.rows, data.splits.test.rows)


# preprocessing


def test_numbers_are_prepared_by_training_rows_alone(tmp_path: Path) -> None:
    cells = table()
    data = csv_data(tmp_path, text(cells))
    x, _ = whole(data)
    train = data.splits.train.rows
    for column in range(2):
        values = np.array([float(row[column] or "nan") for row in cells])
        filled = np.where(np.isnan(values), np.nanmean(values[train]), values)
        expected = (filled - filled[train].mean()) / filled[train].std()
        np.testing.assert_allclose(x[:, column], expected, rtol=1e-5, atol=1e-6)


def test_texts_are_prepared_by_training_rows_alone(tmp_path: Path) -> None:
    cells = table()
    data = csv_data(tmp_path, text(cells))
    x, _ = whole(data)
    known = [cells[row][2] for row in data.splits.train.rows if cells[row][2]]
    names = sorted(set(known))
    most = max(names, key=known.count)
    assert data.feature_names == ["a", "b", *(f"c={name}" for name in names)]
    assert data.m == x.shape[1] == len(data.feature_names)
    for row, cell in enumerate(cells):
        assert x[row, 2:].tolist() == [float(name == (cell[2] or most)) for name in names]
    assert any(cell[2] and cell[2] not in names for cell in cells)


def test_constant_and_untrained_columns_are_finite(tmp_path: Path) -> None:
    rows = [[str(row % 2), "4", "", ""] for row in range(20)]
    tested = csv_data(tmp_path, text(rows, "y,a,b,c"), ignore=["b", "c"]).splits.test.rows
    rows[tested[0]][2:] = "1", "t"
    x, _ = whole(csv_data(tmp_path, text(rows, "y,a,b,c")))
    assert np.isfinite(x).all()
    assert not x[:, 0].any()


def test_order_of_names_and_types(tmp_path: Path) -> None:
    data = csv_data(tmp_path, text(table()))
    assert all(part.x.dtype == torch.float32 and part.y.dtype == torch.int64 for part in data.splits)
    assert data.classes == ["u", "v"]
    assert [data.classes[index] for index in whole(data)[1]] == [row[3] for row in table()]
    assert (data.outputs, data.target_mean, data.target_scale) == (2, 0.0, 1.0)


def test_regression_target_is_standardised_by_training_rows() -> None:
    data = sklearn_data("diabetes")
    truth = datasets.load_diabetes().target
    trained = truth[data.splits.train.rows]
    assert (data.target_mean, data.target_scale) == (pytest.approx(trained.mean()), pytest.approx(trained.std()))
    np.testing.assert_allclose(whole(data)[1], (truth - trained.mean()) / trained.std(), rtol=1e-5, atol=1e-6)
    assert all(part.y.dtype == torch.float32 for part in data.splits)
    assert (data.outputs, data.classes, data.task, data.task_note) == (1, [], "regression", "")


# batches


@BOTH
def test_batches_hold_each_row_once(name: str) -> None:
    data = sklearn_data(name, batch_size=23)
    parts = zip(data.splits, (data.train_dataloader, data.val_dataloader, data.test_dataloader), strict=True)
    for part, loader in parts:
        batches = list(loader())
        full, rest = divmod(len(part), 23)
        assert [len(y) for _, y in batches] == [23] * full + [rest] * bool(rest)
        assert all(x.shape == (len(y), data.m) for x, y in batches)
        x, y = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
        order = torch.argsort(x @ torch.arange(1.0, data.m + 1))
        expected = torch.argsort(part.x @ torch.arange(1.0, data.m + 1))
        assert torch.equal(x[order], part.x[expected])
        assert torch.equal(y[order], part.y[expected])
        assert torch.equal(x, part.x) != (part is data.splits.train)


def test_last_batch_is_dropped_in_training_only() -> None:
    data = sklearn_data("wine", batch_size=50, drop_last=True)
    assert [len(y) for _, y in data.train_dataloader()] == [50, 50]
    assert [len(y) for _, y in data.test_dataloader()] == [36]


def test_batch_is_never_larger_than_the_training_rows() -> None:
    data = sklearn_data("iris", batch_size=1000, drop_last=True)
    assert [len(y) for _, y in data.train_dataloader()] == [data.b] == [105]
    assert sklearn_data("iris", batch_size=16).b == 16


def test_shuffling_follows_the_global_seed() -> None:
    loader = sklearn_data("wine").train_dataloader()
    orders = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        orders.append(torch.cat([x for x, _ in loader]))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_those_of_torch_to_the_last_random_number(shuffle: bool) -> None:
    part = sklearn_data("wine").splits.train
    plain = sklearn_data("wine").test_dataloader()
    given: dict[str, Any] = {"batch_size": 16, "shuffle": shuffle, "drop_last": True, "collate_fn": plain.collate_fn}
    found: list[list[Tensor]] = []
    for kind in (Loader, DataLoader):
        torch.manual_seed(1)
        begun = iter(kind(part, **given))  # draws a number, the first batch another one
        numbers = [torch.rand(1)]
        found.append([*itertools.chain(*begun), *numbers, torch.rand(1)])
    assert all(map(torch.equal, *found))
    assert isinstance(plain, Loader)


def test_any_sampler_works() -> None:
    part = sklearn_data("wine").splits.test
    plain = sklearn_data("wine").test_dataloader()
    sampler = DistributedSampler(part, num_replicas=2, rank=1, shuffle=False)
    ((x, y),) = DataLoader(part, batch_size=64, sampler=sampler, collate_fn=plain.collate_fn)
    assert torch.equal(x, part.x[1::2])
    assert torch.equal(y, part.y[1::2])
    assert torch.equal(part[3][0], part.x[3])
    assert torch.equal(part[3][1], part.y[3])
    assert isinstance(plain.batch_sampler, BatchSampler)


def test_setup_runs_once_and_survives_pickling(tmp_path: Path) -> None:
    data = csv_data(tmp_path, text(table()))
    parts = data.splits
    data.setup("fit")
    assert data.splits is parts
    again = pickle.loads(pickle.dumps(data))
    assert torch.equal(next(iter(again.test_dataloader()))[0], parts.test.x)


# the naive answer


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer"])
def test_majority_baseline_equals_scikit_learn(name: str) -> None:
    data = sklearn_data(name, seed=4)
    train, _, test = data.splits
    answer = DummyClassifier(strategy="most_frequent").fit(train.x, train.y).predict(test.x)
    expected = metrics.accuracy_score(test.y, answer), metrics.f1_score(test.y, answer, average="macro")
    assert tuple(data.baseline().values()) == pytest.approx(expected)
    assert list(data.baseline()) == ["accuracy", "f1"]


def test_majority_is_that_of_the_training_rows() -> None:
    answer = baseline.majority(np.array([2, 1, 2]), np.array([0, 1, 1, 2, 0]), classes=3)
    assert answer == pytest.approx({"accuracy": 1 / 5, "f1": 1 / 9})


def test_mean_baseline_equals_scikit_learn() -> None:
    data = sklearn_data("diabetes", seed=4)
    truth = datasets.load_diabetes().target
    train, test = (truth[part.rows] for part in (data.splits.train, data.splits.test))
    answer = DummyRegressor().fit(train[:, None], train).predict(test[:, None])
    expected = {
        "rmse": metrics.root_mean_squared_error(test, answer),
        "mae": metrics.mean_absolute_error(test, answer),
        "r2": metrics.r2_score(test, answer),
    }
    assert data.baseline() == pytest.approx(expected)


def test_mean_baseline_without_spread_has_no_r2(tmp_path: Path) -> None:
    cells = [[str(row), f"{row}.5"] for row in range(1, 11)]
    tested = csv_data(tmp_path, text(cells, "a,y")).splits.test.rows
    for row in tested:
        cells[row][1] = "3.5"
    assert np.isnan(csv_data(tmp_path, text(cells, "a,y")).baseline()["r2"])


def test_baseline_needs_setup() -> None:
    with pytest.raises(RuntimeError, match=r"setup must run before baseline"):
        SklearnData("iris").baseline()


# tables of scikit-learn


@pytest.mark.parametrize("name", SETS)
def test_sets_are_those_of_scikit_learn(name: str) -> None:
    load = getattr(datasets, f"load_{name}")
    bunch = load(scaled=False) if name == "diabetes" else load()
    data = sklearn_data(name)
    x, y = whole(data)
    trained = bunch.data[data.splits.train.rows]
    scale = np.where(trained.std(0) > 0, trained.std(0), 1)
    np.testing.assert_allclose(x, (bunch.data - trained.mean(0)) / scale, rtol=1e-4, atol=1e-5)
    assert data.feature_names == list(bunch.feature_names)
    assert data.checksum == hashlib.sha256(bunch.data.tobytes() + bunch.target.tobytes()).hexdigest()
    assert (data.name, data.rows) == (name, SETS[name])
    if name != "diabetes":
        assert np.array_equal(y, bunch.target)
        assert data.classes == [str(value) for value in bunch.target_names]
        assert (data.outputs, data.task, data.task_note) == (len(data.classes), "classification", "")


# the task


TARGETS = {
    "texts": (["u", "v"] * 9, "classification", r"^task: classification, inferred from 2 distinct texts in 'y'\.$"),
    "truth": (["True", "False"] * 9, "classification", "2 distinct texts"),
    "few": (list(range(20)) * 3, "classification", r"20 distinct whole numbers in 'y'; data\.task=regression overr"),
    "many": (list(range(21)) * 3, "regression", r"21 distinct whole numbers in 'y'; data\.task=classification ov"),
    "decimals": ([0.5, 1, 2] * 9, "regression", r"^task: regression, inferred from 3 distinct numbers in 'y'; data"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_task_is_inferred(tmp_path: Path, case: str) -> None:
    values, task, note = TARGETS[case]
    content = "a,y\n" + "\n".join(f"{row},{value}" for row, value in enumerate(values))
    data = csv_data(tmp_path, content)
    assert data.task == task
    assert re.search(note, data.task_note)
    for other in ("classification", "regression")[: 1 if case in ("texts", "truth") else 2]:
        given = csv_data(tmp_path, content, task=other)
        assert (given.task, given.task_note) == (other, "")


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["1.50", "1.25", "1e1"], ["1.25", "1.5", "10"]),
        (["1.0", "1", "2"], ["1", "2"]),
        (["b", "10", "9"], ["10", "9", "b"]),
    ],
)
def test_classes_are_sorted(tmp_path: Path, values: list[str], classes: list[str]) -> None:
    content = "a,y\n" + "\n".join(f"{row},{value}" for row, value in enumerate(values * 5))
    data = csv_data(tmp_path, content, task="classification")
    assert data.classes == classes
    texts = [data.classes[index] for index in whole(data)[1]]
    assert texts == [value if value in classes else f"{float(value):g}" for value in values * 5]


# files


PLAIN = line([1, "", 3, 4.5, -6e2, 0])
DIALECTS = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "carriage returns": PLAIN.replace("\n", "\r\n") + "\r\n",
    "mark": "\ufeff" + PLAIN,
    "blank lines": "\n" + PLAIN.replace("\n", "\n\n") + "\n\n \n",
    "blanks": PLAIN.replace(",", " , ").replace("a", " a"),
    "quotes": "\n".join(", ".join(f'"{cell}"' for cell in row.split(",")) for row in PLAIN.split("\n")),
    **{word: PLAIN.replace("\n,", f"\n{word},") for word in ("NA", "n/a", "NULL", "None", "?", " na ")},
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_read_alike(tmp_path: Path, dialect: str) -> None:
    data, plain = (csv_data(tmp_path, content) for content in (DIALECTS[dialect], PLAIN))
    assert data.feature_names == plain.feature_names == ["a"]
    assert np.array_equal(whole(data)[0], whole(plain)[0])
    assert data.classes == ["u", "v"]
    assert data.checksum == hashlib.sha256(DIALECTS[dialect].encode()).hexdigest()
    assert data.name == "my"


def test_quoted_cells_keep_their_marks(tmp_path: Path) -> None:
    content = 'a,b,y\n"x, ""1""\r\nz",1,u\n' + 'w,2,"v;"\n' * 3 + 'w,2,"u"\n' * 2
    data = csv_data(tmp_path, content)
    assert data.classes == ["u", "v;"]
    data = csv_data(tmp_path, content, ignore=["b"])
    assert data.m == len(data.feature_names)
    assert set(data.feature_names) <= {"a=w", 'a=x, "1"\r\nz'}


def test_comma_comes_first(tmp_path: Path) -> None:
    assert csv_data(tmp_path, line(range(12), "a;b\tc")).feature_names == ["a;b\tc"]


def test_long_files_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = csv_data(tmp_path, text(table()))
    monkeypatch.setattr(csv_cells, "_CHUNK", 7)
    pieces = csv_data(tmp_path, text(table()))
    assert np.array_equal(whole(once)[0], whole(pieces)[0])
    with pytest.raises(ValueError, match=r"got 'x' in line 32 of my\.csv"):
        csv_data(tmp_path, line([*range(30), "x"]))


def test_ignored_and_categorical_columns(tmp_path: Path) -> None:
    data = csv_data(tmp_path, text(table()), ignore=["c", "b"])
    assert data.feature_names == ["a"]
    numbers = line(["1", "1.0", "2", ""] * 6, "1")
    assert csv_data(tmp_path, numbers).feature_names == ["1"]
    data = csv_data(tmp_path, numbers, categorical=[1])
    assert data.feature_names == ["1=1", "1=1.0", "1=2"]
    mixed = line(["1", "2", "x"] * 8)
    assert csv_data(tmp_path, mixed, categorical=["a"]).feature_names == ["a=1", "a=2", "a=x"]


def test_half_numbers_are_still_texts(tmp_path: Path) -> None:
    assert csv_data(tmp_path, line(["1", "x"] * 8)).feature_names == ["a=1", "a=x"]


def test_as_many_categories_as_allowed(tmp_path: Path) -> None:
    content = line([f"t{row % 4}" for row in range(40)])
    assert csv_data(tmp_path, content, max_categories=4).m == 4


def test_parquet_types(tmp_path: Path) -> None:
    columns = {
        "whole": pl.Series([1, None, 3, 4, 5, 6] * 5, dtype=pl.Int16),
        "truth": [True, False, None] * 10,
        "decimal": pl.Series(["1.5", "2.5"] * 15).cast(pl.Decimal(10, 2)),
        "category": pl.Series(["k", "l", "m"] * 10, dtype=pl.Categorical),
        "digits": ["1", "2", None] * 10,
        "code": [7, 8] * 15,
        "y": ["u", "v"] * 15,
    }
    data = parquet_data(tmp_path, columns, categorical=["code"])
    texts = ["category=k", "category=l", "category=m", "digits=1", "digits=2", "code=7", "code=8"]
    assert data.feature_names == ["whole", "truth", "decimal", *texts]
    x, _ = whole(data)
    assert sorted(set(np.sign(x[[0, 1], 1]))) == [-1, 1]
    assert x[0, -2:].tolist() == [1, 0]
    assert data.name == "my"
    assert data.checksum == hashlib.sha256((tmp_path / "my.parquet").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([True, False], "classification", ["0", "1"]),
        ([0.5, 2.0], "regression", []),
        (["a", "b"], "classification", ["a", "b"]),
    ],
)
def test_parquet_targets(tmp_path: Path, values: list[Any], task: str, classes: list[str]) -> None:
    data = parquet_data(tmp_path, {"a": range(20), "y": values * 10})
    assert (data.task, data.classes) == (task, classes)


# sentences


FINE = line([1, 2, 3] * 4)
TEXTS = "a,y\n" + "\n".join(f"{row},u{row % 2}" for row in range(12))
HALVES = "a,y\n" + "\n".join(f"{row},{row}.5" for row in range(12))
MANY = ",".join(f"c{column}" for column in range(30)) + ",y\n" + "1," * 30 + "u"
CSV_ERRORS: list[tuple[str | bytes, dict[str, Any], str]] = [
    # numbers and categories
    (line([*range(16), "abc"], "price"), {}, r"^column 'price' must hold numbers, got 'abc' in line 18 of my\.csv; "
     r"fix the cell or make it a category with data\.categorical=\[price\]\.$"),
    (line([*range(16), "abc"], "price (EUR)"), {}, r"data\.categorical=\['price \(EUR\)'\]\.$"),
    (line([1, "x", "y", 2, 3]), {}, r"got 'x' in line 3 of"),
    (line([1, "", "", "x", 2, 3]), {}, r"got 'x' in line 5 of"),
    ('a,b,y\n"p\nq",1,u\nr,x,v\ns,2,u\n,3,v\n,4,u', {}, r"column 'b' must hold numbers, got 'x' in line 4 of"),
    (line([f"t{row}" for row in range(51)]), {}, r"^column 'a' must have at most 50 categories, got 51 distinct texts; "
     r"leave it out with data\.ignore=\[a\], or raise data\.max_categories\.$"),
    (line(["p", "q", "r"] * 3), {"max_categories": 2}, r"at most 2 categories, got 3"),
    (line([1, "NaN", 2]), {}, r"^column 'a' must hold finite numbers, got NaN in line 3 of my\.csv; leave the cell "
     r"empty for a missing value\.$"),
    (line([1, 2, "", "-inf"]), {}, r"got -inf in line 5 of"),
    (line([1, "1e400"]), {}, r"got 1e400 in line 3 of"),
    (line([1e300, -1e300] * 6), {}, r"^column 'a' must hold numbers that float32 can scale, got 1e\+300\.$"),
    (line(["", "NA"] * 5), {}, r"^column 'a' must hold a value, got only empty cells; leave it out with data\.ignore="),
    (line(["", "NA"] * 5), {"categorical": ["a"]}, r"^column 'a' must hold a value"),
    # columns
    (FINE, {"target": "yy"}, r"^data\.target must name a column of my\.csv \(a, y\), got 'yy'; did you mean y\?$"),
    (MANY, {"target": "z"}, r"\(c0, c1, .*, c19, … \(11 more\)\), got 'z'\.$"),
    (FINE, {"ignore": ["b"]}, r"^data\.ignore must name a column of my\.csv \(a\), got 'b'\.$"),
    (FINE, {"ignore": ["y"]}, r"^data\.ignore must name a column of my\.csv \(a\), got 'y'\.$"),
    (FINE, {"categorical": ["A"]}, r"^data\.categorical must name a column of my\.csv \(a\), got 'A'\.$"),
    (FINE, {"categorical": ["y"]}, r"^data\.categorical must name a column of my\.csv \(a\), got 'y'\.$"),
    (FINE, {"ignore": ["a"]}, r"^my\.csv must have a column besides the target 'y', got none to keep\.$"),
    ("y\nu\nv", {}, r"must have a column besides the target 'y'"),
    # the target
    (FINE.replace("3,u", "3,"), {}, r"^target 'y' must have a value in every row, got none in line 4 of my\.csv; "
     r"fill the cell or delete the row\.$"),
    (FINE.replace("v", "u"), {}, r"^target 'y' must have at least 2 classes, got only 'u'\.$"),
    (FINE + "\n4,w\n4,w", {}, r"^each class of target 'y' must have at least 3 rows, one for each split, got 2 of 'w'; "
     r"delete these rows or give them another class\.$"),
    ("a,y\n" + "1,1\n2,2\n" * 3 + "1,3", {}, r"got 1 of '3'; delete .* another class, or use data\.task=regression\.$"),
    (HALVES.replace("3,3.5", "3,inf"), {}, r"^column 'y' must hold finite numbers, got inf in line 5 of my\.csv; fil"),
    ("a,y\n" + "1,2.5\n" * 9, {}, r"^target 'y' must vary, got 2\.5 in every training row\.$"),
    ("a,y\n" + "1,2.5\n2,1\n3,4\n4,3\n5,5", {}, r"^a table must have at least 6 rows, 2 for each split, got 5\.$"),
    (HALVES.replace("3.5", "-1e39"), {}, r"^target 'y' must hold numbers that float32 can hold, got 1e\+39\.$"),
    (TEXTS, {"task": "regression"}, r"^column 'y' must hold numbers, got 'u0' in line 2 of my\.csv with data\.task="),
    (HALVES.replace("3.5", "x"), {"task": "regression"}, r"got 'x' in line 5 of my\.csv with data\.task=regression\.$"),
    (HALVES.replace("3.5", "x"), {}, r"got 'x' in line 5 of my\.csv; fix the cell or set data\.task=classification\.$"),
    # the file
    (b"", {}, r"^my\.csv must hold a table, got an empty file\.$"),
    (b" \n\n", {}, r"^my\.csv must hold a table, got an empty file\.$"),
    ("a,y", {}, r"^my\.csv must have rows below its header, got none\.$"),
    ("a,y\n\n", {}, r"^my\.csv must have rows below its header, got none\.$"),
    (FINE + "\n1", {}, r"^line 14 of my\.csv must have 2 cells as the header has, got 1\.$"),
    (FINE + "\n1,u,3", {}, r"^line 14 of my\.csv must have 2 cells as the header has, got 3\.$"),
    (FINE + '\n"1,u', {}, r"^my\.csv must be a well-formed CSV, got unexpected end of data in line 14\.$"),
    (FINE + '\n"1"2,u', {}, r"^my\.csv must be a well-formed CSV, got ',' expected after '\"' in line 14\.$"),
    ("a,y\nx,u\ncaf\xe9,v".encode("latin-1"), {}, r"^my\.csv must be encoded as UTF-8, got the byte 0xe9 in line 3\.$"),
    ("a,a,y\n1,2,u", {}, r"^my\.csv must name each column differently, got 'a' twice\.$"),
    (",a,y\n1,2,u", {}, r"^my\.csv must name each column in its first line, got no name for column 1\.$"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CSV_ERRORS)))
def test_csv_sentences(tmp_path: Path, case: int) -> None:
    content, options, sentence = CSV_ERRORS[case]
    with pytest.raises(ValueError, match=sentence):
        csv_data(tmp_path, content, **options)


Y = ["u", "v"] * 6
PARQUET_ERRORS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"a": [1.0, None, float("nan"), 2.0] * 3, "y": Y}, {}, r"^column 'a' must hold finite .*, got nan in row 3 of"),
    ({"a": [date(2020, 1, 1)] * 12, "y": Y}, {}, r"^column 'a' of my\.parquet must hold numbers, truth values or "
     r"texts, got Date; leave it out with data\.ignore=\[a\]\.$"),
    ({"a": [[1]] * 12, "y": Y}, {"categorical": ["a"]}, r"got List\(Int64\)"),
    ({"a": [None] * 12, "y": Y}, {}, r"^column 'a' must hold a value"),
    ({"a": range(12), "y": [None, *Y[1:]]}, {}, r"^target 'y' must have a value in every row, got none in row 1 of"),
    ({"a": range(12), "y": Y}, {"task": "regression"}, r"^column 'y' must hold numbers, got 'u' in row 1 of my\.parq"),
    ({"a": [], "y": []}, {}, r"^my\.parquet must have rows, got none\.$"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(PARQUET_ERRORS)))
def test_parquet_sentences(tmp_path: Path, case: int) -> None:
    columns, options, sentence = PARQUET_ERRORS[case]
    with pytest.raises(ValueError, match=sentence):
        parquet_data(tmp_path, columns, **options)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PAR1" * 5])
def test_no_parquet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my.parquet").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"^my\.parquet must be a Parquet file, got one that cannot be read as such\.$"
    ):
        ParquetData(str(tmp_path / "my.parquet"), "y").setup()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("myy.csv", r"^data\.path must be a file, got .*myy\.csv, which does not exist; did you mean my\.csv\?$"),
        ("my.cvs", r"my\.cvs, which does not exist; did you mean my\.csv\?$"),
        ("elsewhere.csv", r"elsewhere\.csv, which does not exist\.$"),
        ("nowhere/my.csv", r"my\.csv, which does not exist\.$"),
        ("", r"^data\.path must be a file, got .*, which is none\.$"),
    ],
)
def test_no_file(tmp_path: Path, path: str, sentence: str) -> None:
    (tmp_path / "my.csv").write_text(FINE)
    with pytest.raises(FileNotFoundError, match=sentence):
        CsvData(str(tmp_path / path), "y").setup()


@pytest.mark.parametrize("make", [CsvData, ParquetData])
@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, ValueError, r"^data\.path must be given, .*e\.g\. data\.path=my\.csv\.$"),
        ({"path": "x"}, ValueError, r"^data\.target must be given, .*e\.g\. data\.target=price\.$"),
        (
            {"path": "x", "target": "y", "task": "clasification"},
            ValueError,
            r"^task must be .*mean classification\?$",
        ),
        (
            {"path": "x", "target": "y", "ignore": "b"},
            TypeError,
            r"^ignore must be a list .*data\.ignore=\[b\], got 'b'",
        ),
        ({"path": "x", "target": "y", "categorical": "b"}, TypeError, r"^categorical must be a list of columns"),
        ({"path": "x", "target": "y", "max_categories": 0}, ValueError, r"^max_categories must be >= 1, got 0\.$"),
    ],
)
def test_options_of_files(make: Callable[..., Any], options: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make(**options)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"name": "irs"}, ValueError, r"^name must be one of .*did you mean iris\?$"),
        ({"batch_size": 0}, ValueError, r"^batch_size must be >= 1, got 0\.$"),
        ({"batch_size": 1.5}, TypeError, r"^batch_size must be a whole number, got 1\.5\.$"),
        ({"validation": 0}, ValueError, r"^validation must be > 0, got 0\.$"),
        ({"test": 0.0}, ValueError, r"^test must be > 0, got 0\.0\.$"),
        ({"validation": 0.5, "test": 0.5}, ValueError, r"^validation \+ test must be < 1, got 0\.5 \+ 0\.5\.$"),
        ({"seed": -1}, ValueError, r"^seed must be >= 0, got -1\.$"),
    ],
)
def test_options_of_tables(options: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        SklearnData(**{"name": "iris"} | options)


# configuration and imports


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_yaml_states_the_defaults(path: Path) -> None:
    package, description, *_ = path.read_text().splitlines()
    assert package == "# @package data"
    assert description.startswith("# ")
    assert description.endswith(".")
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    groups = {name for entry in node.pop("defaults", []) if isinstance(entry, dict) for name in entry}
    parameters = inspect.signature(get_class(node.pop("_target_"))).parameters
    assert list(node) == [name for name in parameters if name not in groups]
    assert groups <= set(parameters)
    assert node.get("seed", "${seed}") == "${seed}"
    assert node.get("name", path.stem) == path.stem
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert {name: node[name] for name in node.keys() - VARYING} == {
        name: defaults[name] for name in defaults.keys() - VARYING - groups
    }
    assert defaults.get("seed", 0) == 0


def test_there_is_a_yaml_for_each_source() -> None:
    targets = {OmegaConf.load(path)._target_ for path in YAMLS}
    assert targets == {f"{cls.__module__}.{cls.__name__}" for cls in concrete_classes(hybridfuse.data, Data).values()}
    assert {path.stem for path in YAMLS} >= {*SETS, "csv", "parquet"}


@pytest.mark.slow
def test_importing_is_cheap() -> None:
    code = (
        "import importlib, pkgutil, sys, hybridfuse.data as d\n"
        "[importlib.import_module(f'{d.__name__}.{m.name}') for m in pkgutil.iter_modules(d.__path__)]\n"
        "print(len(list(pkgutil.iter_modules(d.__path__))), {'sklearn', 'polars', 'pandas'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, heavy = result.stdout.strip().split(" ", 1)
    assert int(count) > 5
    assert heavy == "set()"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = hybridfuse.data.Nothing


def test_real_table(tmp_path: Path) -> None:
    folder = os.environ.get("HYBRIDFUSE_DATA")
    path = Path(folder or ".") / "uci_tables" / "banknote"
    if folder is None or not path.is_file():
        pytest.skip("HYBRIDFUSE_DATA names no folder with uci_tables/banknote")
    with pytest.raises(ValueError, match=r"^line 2 of banknote must have 6 cells as the header has, got 5\.$"):
        CsvData(str(path), "Class_int").setup()
    data = csv_data(tmp_path, path.read_text().removeprefix("Id_int,"), target="Class_int")
    assert (data.task, data.classes, data.rows, data.m) == ("classification", ["0", "1"], 1372, 4)
    assert np.bincount(whole(data)[1]).tolist() == [762, 610]


def test_a_decimal_comma_is_named(tmp_path: Path) -> None:
    path = tmp_path / "europe.csv"
    path.write_text("a;y\n" + "".join(f"{i},{i % 10};{i % 2}\n" for i in range(60)))
    with pytest.raises(ValueError, match=r"column 'a' must hold numbers, got '0,0' in line 2 .*decimal comma"):
        CsvData(path=str(path), target="y").setup()
