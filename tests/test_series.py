"""Whether series are read, cut in time, scaled and handed out in windows as they should be, and refused if not."""

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error

from hybridfuse.data import Etth1Data, SeriesCsvData
from hybridfuse.data.series import sizes
from hybridfuse.data.series_data import SeriesData
from hybridfuse.data.windows import JointWindows, SingleWindows
from hybridfuse.main import main
from hybridfuse.task import Forecast

DATA = os.environ.get("HYBRIDFUSE_DATA")
REAL = pytest.mark.skipif(
    DATA is None or not (Path(DATA) / "etth1" / "ETTh1.csv").is_file(),
    reason="HYBRIDFUSE_DATA names no folder with etth1/ETTh1.csv",
)
SMALL = {"look_back": 5, "horizon": 3, "batch_size": 7}


def numbers(times: int = 60, channels: int = 3) -> np.ndarray:
    """Channels of different magnitude, the last one constant in its first half."""
    values = np.random.RandomState(0).standard_normal((times, channels)).cumsum(0) * [1, 1000, 0.01][:channels] + 50
    values[: times // 2, -1] = 7
    return values


def hours(times: int, step: timedelta = timedelta(hours=1)) -> list[str]:
    return [str(datetime(2020, 2, 28) + step * index) for index in range(times)]


def text(values: np.ndarray, times: list[str] | None = None, header: str = "date,a,b,c") -> str:
    times = hours(len(values)) if times is None else times
    lines = [f"{time}," + ",".join(map(repr, row)) for time, row in zip(times, values.tolist(), strict=True)]
    return "\n".join([header, *lines])


def series(folder: Path, content: str, **options: Any) -> SeriesCsvData:
    (folder / "my.csv").write_text(content)
    data = SeriesCsvData(**{"path": str(folder / "my.csv"), "time": "date"} | SMALL | options)
    data.setup()
    return data


def expected(values: np.ndarray, first: int, last: int, stride: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    """Windows of 5 + 3 rows whose last three lie in [first, last), by a loop."""
    starts = range(max(first - 5, 0), last - 8 + 1, stride)
    return [(values[start : start + 5], values[start + 5 : start + 8]) for start in starts]


def scaled(values: np.ndarray, train: int) -> np.ndarray:
    deviation = values[:train].std(0)
    return (values - values[:train].mean(0)) / np.where(deviation > 0, deviation, 1)


# windows


@pytest.mark.parametrize("stride", [1, 4])
def test_each_channel_of_each_window_is_a_row(tmp_path: Path, stride: int) -> None:
    values = numbers()
    data = series(tmp_path, text(values), train=30, validation=10, test=12, stride=stride)
    standard = scaled(values, 30)
    bounds = ((0, 30, stride), (30, 40, 1), (40, 52, 1))
    for part, (first, last, step) in zip(data.splits, bounds, strict=True):
        windows = expected(standard, first, last, step)
        rows = [(x[:, channel], y[:, channel]) for x, y in windows for channel in range(3)]
        x, y = part.__getitems__(list(range(len(part))))
        np.testing.assert_allclose(x, np.stack([x for x, _ in rows]), atol=1e-5)
        np.testing.assert_allclose(y, np.stack([y for _, y in rows]), atol=1e-5)
        assert x.dtype == y.dtype == torch.float32
    assert (data.m, data.outputs, data.b, data.rows) == (5, 3, 7, 60)
    assert data.feature_names == ["t-5", "t-4", "t-3", "t-2", "t-1"]
    assert (data.task, data.classes, data.channels) == ("forecast", [], ["a", "b", "c"])


@pytest.mark.parametrize("targets", [None, ["c", "a"]])
def test_all_channels_of_a_window_are_a_row(tmp_path: Path, targets: list[str] | None) -> None:
    values = numbers()
    data = series(tmp_path, text(values), train=30, validation=10, test=20, together=True, targets=targets)
    columns = [0, 1, 2] if targets is None else [2, 0]
    for part, (first, last) in zip(data.splits, ((0, 30), (30, 40), (40, 60)), strict=True):
        windows = expected(scaled(values, 30), first, last)
        x, y = part.__getitems__(list(range(len(part))))
        np.testing.assert_allclose(x, [known.T.ravel() for known, _ in windows], atol=1e-5)
        np.testing.assert_allclose(y, [after[:, columns].T.ravel() for _, after in windows], atol=1e-5)
    assert (data.m, data.outputs) == (15, 3 * len(columns))
    assert data.feature_names[4:7] == ["a t-1", "b t-5", "b t-4"]


def test_targets_alone_are_windows_of_their_own(tmp_path: Path) -> None:
    values = numbers()
    data = series(tmp_path, text(values), targets=["c", "a"], train=30, validation=10, test=20)
    plain = series(tmp_path, text(values)[:], train=30, validation=10, test=20)
    assert data.channels == ["c", "a"]
    x, _ = data.splits.test.__getitems__([0, 1])
    other, _ = plain.splits.test.__getitems__([2, 0])
    assert torch.equal(x, other)
    np.testing.assert_allclose(data.means, values[:30, [2, 0]].mean(0))


@pytest.mark.parametrize("together", [False, True])
def test_batches_are_rows_and_windows_take_no_memory(tmp_path: Path, together: bool) -> None:
    data = series(tmp_path, text(numbers()), together=together)
    for part, make in zip(data.splits, (data.train_dataloader, data.val_dataloader, data.test_dataloader), strict=True):
        batches = list(make())
        assert [len(x) for x, _ in batches[:-1]] == [7] * (len(batches) - 1)
        assert sum(len(y) for _, y in batches) == len(part)
        held = [value for value in vars(part).values() if isinstance(value, torch.Tensor)]
        assert sum(value.untyped_storage().nbytes() for value in held) <= 60 * 3 * 4
        assert part.windows.data_ptr() == part.series.data_ptr()
        assert len(pickle.dumps(part)) < 60 * 3 * 4 + 2000
    x, y = data.splits.train[9]
    other = data.splits.train.__getitems__([9])
    assert torch.equal(x, other[0][0])
    assert torch.equal(y, other[1][0])


@pytest.mark.parametrize("windows", [SingleWindows, JointWindows])
def test_one_window_is_enough(windows: Callable[..., Any]) -> None:
    more = () if windows is SingleWindows else ([0],)
    part = windows(torch.arange(6.0)[:, None], 4, 2, 3, *more)
    assert len(part) == 1
    x, y = part[0]
    assert (x.tolist(), y.tolist()) == ([0, 1, 2, 3], [4, 5])


# parts and scale


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ((None, 0.1, 0.2), (70, 10, 20)),
        ((None, 0.25, 30), (45, 25, 30)),
        ((0.5, 0.1, 1), (50, 10, 1)),
        ((60, 20, 20), (60, 20, 20)),
        ((None, 0.005, 0.004), (99, 1, 0)),
    ],
)
def test_sizes(given: tuple[float | None, float, float], rows: tuple[int, int, int]) -> None:
    assert sizes(100, *given) == rows


def test_a_constant_channel_and_far_numbers_stay_precise(tmp_path: Path) -> None:
    values = numbers() + np.array([1e9, 0, 0])
    data = series(tmp_path, text(values), train=28, validation=10, test=22)
    x, y = data.splits.test.__getitems__(list(range(len(data.splits.test))))
    assert torch.isfinite(x).all()
    assert torch.isfinite(y).all()
    np.testing.assert_allclose(x[0], scaled(values, 28)[33:38, 0], atol=1e-4)
    assert data.scales[2] == 1
    for factor in (1e-300, 1e303):
        extreme = series(tmp_path, text(numbers() * factor), targets=["b"], train=28, validation=10, test=22)
        np.testing.assert_allclose(extreme.splits.test[0][0], scaled(numbers(), 28)[33:38, 1], rtol=1e-4)


@pytest.mark.parametrize("together", [False, True])
def test_the_naive_forecast_is_the_last_value(tmp_path: Path, together: bool) -> None:
    data = series(tmp_path, text(numbers()), targets=["b", "a"], together=together)
    x, y = data.splits.test.__getitems__(list(range(len(data.splits.test))))
    known = x.unflatten(1, (-1, 5))[:, [1, 0] if together else [0], -1:]
    forecast = known.expand(-1, -1, 3).flatten(1)
    mse, mae = mean_squared_error(y, forecast), mean_absolute_error(y, forecast)
    assert data.baseline() == pytest.approx({"mse": mse, "mae": mae}, rel=1e-5)


# the task


def test_a_forecast_is_measured_over_all_its_numbers() -> None:
    torch.manual_seed(0)
    output, target = torch.randn(11, 4), torch.randn(11, 4)
    task = Forecast()
    metrics = task.metrics()
    for rows in (slice(0, 8), slice(8, 11)):
        metrics.update(task.prediction(output[rows]), target[rows])
    expected_mse, expected_mae = mean_squared_error(target, output), mean_absolute_error(target, output)
    assert task.loss(output, target).item() == pytest.approx(expected_mse)
    found = {name: float(value) for name, value in task.in_units(metrics.compute()).items()}
    assert found == pytest.approx({"mse": expected_mse, "mae": expected_mae})


# times


STEPS: dict[str, Callable[[int], str]] = {
    "hours": lambda i: str(datetime(2020, 2, 28) + timedelta(hours=i)),
    "days": lambda i: str(date(2019, 12, 30) + timedelta(days=i)),
    "months": lambda i: f"{2000 + i // 12}-{i % 12 + 1:02d}",
    "months in full": lambda i: f"{2000 + i // 12}/{i % 12 + 1}/1",
    "years": lambda i: str(1900 + i),
    "zone": lambda i: f"2020-03-{i // 24 + 1:02d}T{i % 24:02d}:00:00Z",
    "offset": lambda i: f"2020-03-{i // 24 + 1:02d} {i % 24:02d}:00:00+02:00",
    "minutes": lambda i: f"2020-03-01 {i // 60:02d}:{i % 60:02d}",
    "fractions": lambda i: f"{0.1 * i:.1f}",
}


@pytest.mark.parametrize("kind", STEPS)
def test_even_times_are_read(tmp_path: Path, kind: str) -> None:
    times = [STEPS[kind](index) for index in range(60)]
    data = series(tmp_path, text(numbers(), times))
    assert data.channels == ["a", "b", "c"]
    for changed, sentence in (
        (times[:20] + times[21:], r"^column 'date' must go on in steps of .*, got .* after .* in line 22 of my\.csv; "
         r"fill the gap, or do without times by data\.time=null data\.ignore=\[date\]\.$"),
        ([*times[:20], times[21], times[20], *times[22:]], r"^column 'date' must increase from row to row, got .* aft"
         r"er .* in line 23 of my\.csv; sort the rows, or"),
        (times[:20] + times[19:59], r"must increase .* in line 22 of my\.csv; delete one of the two rows, or"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            series(tmp_path, text(numbers(len(changed)), changed))


def test_steps_are_named(tmp_path: Path) -> None:
    times = hours(61, timedelta(days=1, minutes=30))
    with pytest.raises(ValueError, match=r"in steps of 1 day, 0:30:00, got 2020-03-01 01:00:00 after 2020-02-28 00:00"):
        series(tmp_path, text(numbers(), [times[0], *times[2:]]))
    with pytest.raises(ValueError, match=r"in steps of 0\.5, got 2\.0 after 1\.0 in line 5 of"):
        series(tmp_path, text(numbers(), [str(i / 2) for i in range(61) if i != 3]))
    with pytest.raises(ValueError, match=r"in steps of 1:00:00, got 2020-02-28 03:10:00 after"):
        series(tmp_path, text(numbers(), [*hours(3), *hours(60)[3:4], "2020-02-28 03:10:00", *hours(60)[4:59]]))


def test_times_are_left_out_on_request(tmp_path: Path) -> None:
    content = text(numbers(), [*hours(30), *hours(30)])
    data = series(tmp_path, content, time=None, ignore=["date", "b"])
    assert data.channels == ["a", "c"]
    assert data.checksum == hashlib.sha256(content.encode()).hexdigest()
    assert data.name == "my"


# sentences


FINE = text(numbers())
LINE = FINE.splitlines()[4]
ERRORS: list[tuple[str, dict[str, Any], str]] = [
    (FINE.replace(LINE, "2020-02-28 03:00:00,x,1,1"), {}, r"^column 'a' must hold numbers, got 'x' in line 5 of "
     r"my\.csv; fix the cell or leave the column out with data\.ignore=\[a\]\.$"),
    (FINE.replace(LINE, "2020-02-28 03:00:00,1,,1"), {}, r"^column 'b' must have a number in every row, got none in "
     r"line 5 of my\.csv; fill the gap or leave the column out with data\.ignore=\[b\]\.$"),
    (FINE.replace(LINE, "2020-02-28 03:00:00,1,nan,1"), {}, r"^column 'b' must hold finite numbers, got nan in line 5"),
    (FINE.replace(LINE, "2020-02-28 03:00:00,1,inf,1"), {}, r"got inf in line 5 of my\.csv; fix the cell\.$"),
    (FINE.replace(LINE, ",1,1,1"), {}, r"^column 'date' must have a time in every row, got none in line 5 of"),
    (FINE.replace(LINE, "28.2.2020,1,1,1"), {}, r"^column 'date' must hold numbers or dates such as 2016-07-01 "
     r"13:00:00, got '28\.2\.2020' in line 5 of my\.csv; write dates with the year first\.$"),
    (FINE.replace(LINE, "2020-02-30,1,1,1"), {}, r"got '2020-02-30' in line 5"),
    (FINE, {"time": None}, r"^column 'date' must hold numbers, got '2020-02-28 00:00:00' in line 2 of my\.csv; name "
     r"the column of dates by data\.time=date, or leave the column out with data\.ignore=\[date\]\.$"),
    (FINE, {"time": "dat"}, r"^data\.time must name a column of my\.csv \(date, a, b, c\), got 'dat'; did you mean "),
    (FINE, {"ignore": ["d"]}, r"^data\.ignore must name a column of my\.csv \(a, b, c\), got 'd'"),
    (FINE, {"ignore": ["a", "b", "c"]}, r"^my\.csv must have a column of numbers besides the time, got none"),
    (FINE, {"targets": ["d"]}, r"^data\.targets must name a column of my \(a, b, c\), got 'd'"),
    (FINE, {"train": 7, "validation": 10, "test": 10}, r"^train must have at least 8 rows for look_back \+ horizon, "
     r"got 7\.$"),
    (FINE, {"validation": 2}, r"^validation must have at least 3 rows for horizon, got 2\.$"),
    (FINE, {"test": 0.03}, r"^test must have at least 3 rows for horizon, got 2\.$"),
    (FINE, {"validation": 30, "test": 30}, r"^validation \+ test must be < 60, the rows of the series, got 30 \+ 3"),
    (FINE, {"train": 40, "validation": 10, "test": 11}, r"^train \+ validation \+ test must be <= 60, .*, got 40 \+ "),
    (FINE, {"test": 1.5}, r"^test must be a share below 1 or a whole number of rows, got 1\.5\.$"),
    (FINE, {"validation": 0}, r"^validation must be > 0, got 0\.$"),
    (text(np.where(np.arange(60)[:, None] == 59, 1e300, numbers())), {}, r"^column 'a' must hold numbers that float32"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_sentences(tmp_path: Path, case: int) -> None:
    content, options, sentence = ERRORS[case]
    with pytest.raises(ValueError, match=sentence) as error:
        series(tmp_path, content, **options)
    assert "\n" not in str(error.value)


OPTIONS: list[tuple[dict[str, Any], type, str]] = [
    ({"path": None}, ValueError, r"^data\.path must be given, a file with a time series, e\.g\. data\.path=my\.csv\.$"),
    ({"look_back": 0}, ValueError, r"^look_back must be >= 1, got 0\.$"),
    ({"horizon": 0}, ValueError, r"^horizon must be >= 1, got 0\.$"),
    ({"stride": 0.5}, TypeError, r"^stride must be a whole number, got 0\.5\.$"),
    ({"together": "no"}, TypeError, r"^together must be true or false, got 'no'\.$"),
    ({"targets": "a"}, TypeError, r"^targets must be a list of columns, e\.g\. data\.targets=\[a\], got 'a'\.$"),
    ({"ignore": "a"}, TypeError, r"^ignore must be a list of columns"),
    ({"batch_size": 0}, ValueError, r"^batch_size must be >= 1, got 0\.$"),
]


@pytest.mark.parametrize("case", range(len(OPTIONS)))
def test_options(case: int) -> None:
    options, error, sentence = OPTIONS[case]
    with pytest.raises(error, match=sentence):
        SeriesCsvData(**{"path": "my.csv"} | options)


def test_no_file(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text(FINE)
    with pytest.raises(
        FileNotFoundError, match=r"^data\.path must be a file, got .*which does not exist; did you mean my"
    ):
        SeriesCsvData(path=str(tmp_path / "myy.csv")).setup()


# the real series


def fitted(data: SeriesData) -> tuple[float, float]:
    """Test MSE and MAE of a ridge regression of y on x, by its normal equations."""
    (x, y), (tested, truth) = (
        [tensor.double().numpy() for tensor in part.__getitems__(list(range(len(part))))]
        for part in (data.splits.train, data.splits.test)
    )
    weights = np.linalg.solve(x.T @ x + 100 * np.eye(x.shape[1]), x.T @ y)
    return mean_squared_error(truth, tested @ weights), mean_absolute_error(truth, tested @ weights)


@REAL
def test_etth1_gives_the_known_figures() -> None:
    data = Etth1Data()
    data.setup()
    assert [len(part) for part in data.splits] == [7 * (8640 - 432 + 1), 7 * 2785, 7 * 2785]
    assert (data.m, data.outputs, data.rows, data.b) == (336, 96, 17420, 64)
    assert data.channels == ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]
    assert data.baseline() == pytest.approx({"mse": 1.294, "mae": 0.713}, abs=6e-4)
    assert fitted(data) == pytest.approx((0.370, 0.392), abs=0.001)
    joint = Etth1Data(together=True, targets=["OT"])
    joint.setup()
    assert (joint.m, joint.outputs, len(joint.splits.train)) == (7 * 336, 96, 8209)


def test_etth1_with_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etth1").mkdir()
    (tmp_path / "etth1" / "ETTh1.csv").write_text("date,OT\nyesterday,warm\n")
    monkeypatch.setenv("HYBRIDFUSE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"ETTh1\.csv must have 2589657 bytes and the SHA-256 f18de3ad"):
        Etth1Data().setup()


@pytest.mark.slow
def test_a_series_of_the_user_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text(text(numbers(120)))
    words = ["data=series_csv", "data.path=my.csv", "data.time=date", "data.look_back=8", "data.horizon=4"]
    words += ["data.batch_size=16", "trainer=quick", "callbacks=minimal", "device=cpu", "interdependence=[chain]"]
    for more in ([], ["data.together=true", "data.targets=[a]"]):
        monkeypatch.setattr("sys.argv", ["train.py", *words, *more])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        said = capsys.readouterr().out
        assert f"my: 120 rows (in windows: {73 if more else 219} train, {9 if more else 27} validation" in said
        assert f"{8 * (3 if more else 1)} attributes, 4 numbers to forecast" in said
    for path in tmp_path.glob("runs/*/*/record.json"):
        record = json.loads(path.read_text())
        assert {"train/mse", "val/mae", "test/mse", "test/mae", "test/loss"} <= set(record["metrics"])
        assert record["metrics"]["test/mse"] == pytest.approx(record["metrics"]["test/loss"])
        assert set(record["baseline"]) == {"test/mse", "test/mae"}
