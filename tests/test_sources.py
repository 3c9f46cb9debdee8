"""Whether public tables and images are read as they are published, and damaged ones refused with a sentence."""

import csv
import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from sklearn.neighbors import KNeighborsClassifier

from hybridfuse import build
from hybridfuse.command import VERSION_BASE
from hybridfuse.data import BanknoteData, MfeatData, MnistData, idx, images, mfeat, split
from hybridfuse.data.images import Images
from hybridfuse.data.views import VIEW, resolved
from hybridfuse.interdependence import View

CONF = Path(__file__).parents[1] / "conf"
DATA = Path(os.environ.get("HYBRIDFUSE_DATA") or "nowhere")


def real(*parts: str) -> pytest.MarkDecorator:
    """Skips where there is no such file."""
    return pytest.mark.skipif(
        not DATA.joinpath(*parts).is_file(), reason=f"HYBRIDFUSE_DATA names no folder with {'/'.join(parts)}"
    )


# idx


def packed(array: np.ndarray) -> bytes:
    """As an idx file, before it is compressed."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


PIXELS = np.random.RandomState(0).randint(0, 256, (7, 3, 300), dtype=np.uint8)


@pytest.mark.parametrize("array", [PIXELS, PIXELS[:, 0, 0], PIXELS[:0], PIXELS[:1, :1, :1]], ids=str)
def test_an_idx_file_is_the_array_in_it(array: np.ndarray) -> None:
    read = idx.read(gzip.compress(packed(array)), "some.gz", array.ndim)
    assert (read.dtype, read.shape) == (np.uint8, array.shape)
    assert np.array_equal(read, array)


WHOLE = gzip.compress(packed(PIXELS))
IDX_ERRORS = {
    "empty": (b"", r"^some\.gz must begin with the bytes 00 00 08 03, got none\.$"),
    "text": (b"<html>", r"^some\.gz must be a whole gzip file, got Not a gzipped file \(b'<h'\)\.$"),
    "truncated": (WHOLE[:-9], r"^some\.gz must be a whole gzip file, got Compressed file ended before the end-of"),
    "changed": (WHOLE[:200] + bytes([WHOLE[200] ^ 255]) + WHOLE[201:], r"^some\.gz must be a whole gzip file, got "),
    "type": (gzip.compress(b"\0\0\x0d\3" + packed(PIXELS)[4:]), r"bytes 00 00 08 03, got 00 00 0d 03\.$"),
    "dimensions": (gzip.compress(packed(PIXELS[0])), r"bytes 00 00 08 03, got 00 00 08 02\.$"),
    "short": (gzip.compress(packed(PIXELS)[:-1]), r"^some\.gz must hold 7 x 3 x 300 bytes after the 16 of its head, "
              r"got 6299\.$"),
    "long": (gzip.compress(packed(PIXELS) + b"\0"), r"got 6301\.$"),
    "head": (gzip.compress(packed(PIXELS)[:10]), r"after the 16 of its head, got 0\.$"),
}  # fmt: skip


@pytest.mark.parametrize("case", IDX_ERRORS)
def test_a_damaged_idx_file_is_refused(case: str) -> None:
    content, sentence = IDX_ERRORS[case]
    with pytest.raises(ValueError, match=sentence) as error:
        idx.read(content, "some.gz", 3)
    assert "\n" not in str(error.value)


# images


def files(pixels: np.ndarray, labels: np.ndarray) -> tuple[bytes, bytes, tuple[str, str], int]:
    return gzip.compress(packed(pixels)), gzip.compress(packed(labels)), ("pixels.gz", "labels.gz"), 10


def test_images_have_labels() -> None:
    found = images.read(*files(PIXELS, np.arange(3, 10)))
    assert np.array_equal(found.pixels, PIXELS)
    assert (found.labels.dtype, found.labels.tolist()) == (np.int64, list(range(3, 10)))
    with pytest.raises(ValueError, match=r"^labels\.gz must hold a label for each of the 7 images of pixels\.gz, and"):
        images.read(*files(PIXELS, np.arange(6)))
    with pytest.raises(ValueError, match=r"the 0 images of pixels\.gz, and some, got 0\.$"):
        images.read(*files(PIXELS[:0], np.arange(0)))
    with pytest.raises(ValueError, match=r"^labels\.gz must hold labels below 10, got 10\.$"):
        images.read(*files(PIXELS, np.arange(4, 11)))


def test_pixels_are_scaled() -> None:
    mean, scale = images.statistics(PIXELS)
    assert (mean, scale) == (pytest.approx(PIXELS.mean() / 255), pytest.approx(PIXELS.std() / 255))
    rows = images.rows(PIXELS, mean, scale)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, (PIXELS.reshape(7, -1) / 255 - mean) / scale, atol=1e-5)
    np.testing.assert_allclose(images.rows(PIXELS, 0.0, 1.0), PIXELS.reshape(7, -1) / 255, rtol=1e-6)
    assert images.statistics(np.full((2, 3, 4), 51, np.uint8)) == (pytest.approx(0.2), 1.0)


class Made(MnistData):
    """As MNIST, of 50 + 20 images of 2 x 3 pixels; an image that is none of the first 40 is brighter."""

    def read(self) -> tuple[Images, Images]:
        random = np.random.RandomState(0)
        pixels = random.randint(0, 200, (70, 2, 3), dtype=np.uint8)
        labels = random.randint(0, 10, 70)
        return Images(pixels[:50], labels[:50]), Images(pixels[50:] + 50, labels[50:])


def made(**options: Any) -> Made:
    data = Made(**options)
    data.setup()
    return data


def test_the_images_that_validate_are_drawn() -> None:
    known, tested = Made().read()
    data = made(validation=10, seed=3)
    assert [len(part) for part in data.splits] == [40, 10, 20]
    drawn = np.concatenate([data.splits.train.rows, data.splits.validation.rows])
    assert sorted(drawn) == list(range(50))
    assert data.splits.test.rows.tolist() == list(range(50, 70))
    trained = known.pixels[data.splits.train.rows] / 255
    pixels = {"train": known.pixels, "validation": known.pixels, "test": tested.pixels}
    for name, part in data.splits._asdict().items():
        expected = pixels[name][part.rows % 50].reshape(len(part), 6) / 255
        np.testing.assert_allclose(part.x, (expected - trained.mean()) / trained.std(), atol=1e-5)
    assert torch.equal(data.splits.test.y, torch.from_numpy(tested.labels))
    assert np.array_equal(data.splits.validation.y, known.labels[data.splits.validation.rows])
    assert (data.m, data.outputs, data.rows, data.b) == (6, 10, 70, 40)
    assert data.feature_names[3:5] == ["row 1 column 0", "row 1 column 1"]
    assert data.classes == list("0123456789")
    plain = made(validation=0.2, standardize=False, seed=4)
    assert (len(plain.splits.validation), float(plain.splits.test.x.max())) == (10, pytest.approx(249 / 255, abs=0.02))
    assert not np.array_equal(plain.splits.validation.rows, data.splits.validation.rows)
    assert np.array_equal(made(validation=10, seed=3).splits.validation.rows, data.splits.validation.rows)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"validation": 50}, ValueError, r"^validation must leave some of the 50 images to train, got 50\.$"),
        ({"validation": 0.001}, ValueError, r"^validation must be at least one of the 50 images .*, got 0\.001\.$"),
        ({"validation": 0}, ValueError, r"^validation must be > 0, got 0\.$"),
        (
            {"validation": 3.5},
            ValueError,
            r"^validation must be a share below 1 or a whole number of rows, got 3\.5\.$",
        ),
        ({"standardize": 1}, TypeError, r"^standardize must be true or false, got 1\.$"),
        ({"seed": -1}, ValueError, r"^seed must be >= 0, got -1\.$"),
        ({"batch_size": 0}, ValueError, r"^batch_size must be >= 1, got 0\.$"),
    ],
)
def test_options_of_images(options: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        made(**options)


@real("mnist", "train-images-idx3-ubyte.gz")
def test_mnist_is_the_published_one() -> None:
    data = MnistData()
    data.setup()
    assert [len(part) for part in data.splits] == [55000, 5000, 10000]
    train, _, test = data.splits
    assert (float(train.x.mean()), float(train.x.std())) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    lowest, highest = ((shade - 0.1307) / 0.3081 for shade in (0, 1))
    assert (float(test.x.min()), float(test.x.max())) == (
        pytest.approx(lowest, abs=0.01),
        pytest.approx(highest, abs=0.02),
    )
    assert torch.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    neighbours = KNeighborsClassifier(3).fit(train.x[:3000], train.y[:3000])
    assert neighbours.score(test.x[:300], test.y[:300]) > 0.85


# folds


@pytest.mark.parametrize("counts", [[20, 20], [7, 12, 5], [200] * 10])
def test_folds_share_out_all_rows(counts: list[int]) -> None:
    strata = np.random.RandomState(1).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = [split.folds(strata, 5, fold, 0.1, seed=2) for fold in range(5)]
    assert sorted(np.concatenate([fold.test for fold in rows])) == list(range(len(strata)))
    for fold in rows:
        assert sorted(np.concatenate(fold)) == list(range(len(strata)))
        assert abs(len(fold.test) - len(strata) / 5) < 1
        for stratum, count in enumerate(counts):
            trained, validated, tested = (int(np.sum(strata[part] == stratum)) for part in fold)
            assert abs(tested - count / 5) < 1
            assert validated == max(1, int(0.1 * count + 0.5))
            assert trained > 0
        assert all(np.all(np.diff(part) > 0) for part in fold)
    assert not np.array_equal(split.folds(strata, 5, 0, 0.1, seed=3).test, rows[0].test)


def test_too_few_rows_for_folds() -> None:
    with pytest.raises(
        ValueError, match=r"^each class must have at least 5 rows, one for each fold, .*got 4 of class 1"
    ):
        split.folds(np.repeat([0, 1], [20, 4]), 5, 0, 0.1, seed=0)
    with pytest.raises(ValueError, match=r"more that train than the 4 that validate, got 5 of class 0\.$"):
        split.folds(np.zeros(5, int), 5, 0, 0.8, seed=0)


# views


def view(columns: int, rows: int = 4, seed: int = 0) -> np.ndarray:
    numbers = np.random.RandomState(seed).standard_normal((rows, columns))
    return np.column_stack([numbers, np.arange(rows) % 2])


def test_views_stand_side_by_side() -> None:
    one, two = view(2), view(3, seed=1)
    found = mfeat.side_by_side({"one": one, "two": two})
    assert list(found.columns) == ["one 0", "one 1", "two 0", "two 1", "two 2"]
    np.testing.assert_array_equal(np.stack(list(found.columns.values()), 1), np.hstack([one[:, :2], two[:, :3]]))
    assert found.places == {"one": slice(0, 2), "two": slice(2, 5)}
    assert found.labels.tolist() == [0, 1, 0, 1]


def test_views_must_be_of_the_same_instances() -> None:
    other = view(3)
    other[2, -1] = 5
    with pytest.raises(
        ValueError, match=r"^views must have the same labels, got others in one and two, first in row 3"
    ):
        mfeat.side_by_side({"one": view(2), "two": other})
    with pytest.raises(ValueError, match=r"^views must be of the same rows, got 4 of one, 5 of two\.$"):
        mfeat.side_by_side({"one": view(2), "two": view(2, rows=5)})


def test_a_view_is_read_without_its_first_line() -> None:
    assert mfeat.read(b"0,1,2\n1.5,-2e3,7\n0,4,0\n").tolist() == [[1.5, -2000, 7], [0, 4, 0]]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"only": ["fuo"]}, ValueError, r"^only must be one of fac, fou, kar, mor, pix, zer, got 'fuo'; did you mean"),
        ({"only": ["fou", "fou"]}, ValueError, r"^only must name each view once, got fou, fou\.$"),
        ({"only": "fou"}, TypeError, r"^only must be a list of views, e\.g\. data\.only=\[fou\], got 'fou'\.$"),
        ({"folds": 1}, ValueError, r"^folds must be >= 2, got 1\.$"),
        ({"folds": 5, "fold": 5}, ValueError, r"^fold must be below folds = 5, got 5\.$"),
        ({"fold": 1}, ValueError, r"^fold must be 0 where there are no folds, got 1\.$"),
        ({"test": 0}, ValueError, r"^test must be > 0, got 0\.$"),
    ],
)
def test_options_of_views(options: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        MfeatData(**options)


def test_views_are_named_in_a_configuration() -> None:
    inner = {"_target_": VIEW, "features": "two", "function": {"_target_": VIEW, "features": None}}
    config = {"hybrid": {"parts": [inner, {"_target_": VIEW, "features": [3]}], "features": "two"}, "hidden": (3, 4)}
    found = resolved(config, {"one": slice(0, 2), "two": slice(2, 5)})
    (first, second), other = found["hybrid"]["parts"], found["hybrid"]["features"]
    assert first == {"_target_": VIEW, "features": [[2, 5]], "function": {"_target_": VIEW, "features": None}}
    assert (second["features"], other, found["hidden"]) == ([3], "two", [3, 4])
    assert inner["features"] == "two"
    assert f"{View.__module__}.{View.__qualname__}" == VIEW
    with pytest.raises(ValueError, match=r"^features must be one of one, towo, got 'two'; did you mean towo\?$"):
        resolved(config, {"one": slice(0, 2), "towo": slice(2, 5)})


@real("mfeat", "mfeat-zer.csv")
def test_each_function_has_a_view_of_its_own() -> None:
    with initialize_config_dir(str(CONF), job_name="train", **VERSION_BASE):
        config = compose("train", ["experiment=mfeat_views", "device=cpu"])
    data = MfeatData()
    data.setup()
    hybrid = build.module(config, data).network.get_submodule("layers.0.instance_hybrid")
    features = {name: function.features for name, function in hybrid.functions.items() if name != "identity"}
    assert features == {name: list(range(place.start, place.stop)) for name, place in data.views.items()}


def whole(data: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x and y of all splits in the order of the source, and which rows train."""
    order = np.argsort(np.concatenate([part.rows for part in data.splits]))
    x, y = (torch.cat([getattr(part, name) for part in data.splits]).numpy()[order] for name in "xy")
    return x, y, data.splits.train.rows


def text_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def standardised(numbers: np.ndarray, train: np.ndarray) -> np.ndarray:
    deviation = numbers[train].std(0)
    return (numbers - numbers[train].mean(0)) / np.where(deviation > 0, deviation, 1)


@real("mfeat", "mfeat-zer.csv")
def test_mfeat_is_what_its_files_say() -> None:
    data = MfeatData(only=["zer", "mor"], folds=5, fold=2)
    data.setup()
    assert data.views == {"zer": slice(0, 47), "mor": slice(47, 53)}
    assert [len(part) for part in data.splits] == [1400, 200, 400]
    x, y, train = whole(data)
    for name, place in data.views.items():
        numbers = np.array(text_rows(DATA / "mfeat" / f"mfeat-{name}.csv")[1:], dtype=float)
        np.testing.assert_allclose(x[:, place], standardised(numbers[:, :-1], train), rtol=1e-4, atol=1e-4)
        assert np.array_equal(y, numbers[:, -1])
    every = MfeatData()
    every.setup()
    assert (every.m, every.outputs, every.rows, every.b) == (649, 10, 2000, 64)
    widths = {name: place.stop - place.start for name, place in every.views.items()}
    assert widths == {"fac": 216, "fou": 76, "kar": 64, "mor": 6, "pix": 240, "zer": 47}
    assert np.bincount(whole(every)[1]).tolist() == [200] * 10
    assert every.checksum != data.checksum


@real("uci_tables", "banknote")
def test_banknote_is_what_its_file_says() -> None:
    data = BanknoteData()
    data.setup()
    x, y, train = whole(data)
    numbers = np.array(text_rows(DATA / "uci_tables" / "banknote")[1:], dtype=float)
    assert numbers.shape == (1372, 5)
    np.testing.assert_allclose(x, standardised(numbers[:, :4], train), rtol=1e-4, atol=1e-5)
    assert np.array_equal(y, numbers[:, 4])
    assert np.bincount(y).tolist() == [762, 610]
    assert (data.classes, data.feature_names) == (["0", "1"], ["variance", "skewness", "kurtosis", "entropy"])


@pytest.mark.parametrize(
    ("make", "folder", "name"),
    [
        (MnistData, "mnist", "train-images-idx3-ubyte.gz"),
        (MfeatData, "mfeat", "mfeat-fac.csv"),
        (BanknoteData, "uci_tables", "banknote"),
    ],
)
def test_another_file_of_the_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any], folder: str, name: str
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).write_bytes(b"1,2\n")
    monkeypatch.setenv("HYBRIDFUSE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=rf"{name} must have \d+ bytes and the SHA-256 [0-9a-f]{{64}}, got 4 and"):
        make().setup()
