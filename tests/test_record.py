"""The record of a run: its place, its hash, atomic writes, nothing lost."""

import json
import os
import socket

import pytest
from omegaconf import OmegaConf

from hybridfuse import record as records
from hybridfuse.record import Record, config_hash, file_checksum, is_running, write_atomically


def config(tmp_path, **changes):
    return OmegaConf.create({"runs": str(tmp_path), "force": False, "seed": 0, "twice": "${seed}", **changes})


def record(tmp_path, **changes):
    return Record(config(tmp_path, **changes), "default", ["digits", "a b/c", "seed0"], {"seed": 0})


def test_hash_follows_what_decides_the_result_and_nothing_else(tmp_path):
    digest = config_hash(config(tmp_path))
    assert digest == config_hash(config(tmp_path / "elsewhere", force=True))
    assert digest != config_hash(config(tmp_path, seed=1))
    assert digest != config_hash(config(tmp_path, more=1))


def test_folder_is_readable_safe_and_unique(tmp_path):
    folder = record(tmp_path).folder
    assert folder.parent == tmp_path / "default"
    assert folder.name.startswith("digits_a-b-c_seed0-")
    assert record(tmp_path, seed=1).folder != folder
    assert len(Record(config(tmp_path), "default", ["x" * 500], {}).folder.name) < 150


def test_record_says_running_then_how_it_ended(tmp_path):
    run = record(tmp_path)
    run.start()
    first = json.loads(run.path.read_text())
    assert (first["status"], first["seed"], first["process"]["id"]) == ("running", 0, os.getpid())
    assert first["versions"]["torch"].startswith("2.")
    assert first["config_hash"] == config_hash(config(tmp_path))
    assert OmegaConf.load(run.folder / "config.yaml").twice == 0
    run.finish("failed", "ValueError: no")
    last = json.loads(run.path.read_text())
    assert (last["status"], last["error"]) == ("failed", "ValueError: no")
    assert last["duration_s"] >= 0


def test_a_run_with_a_checkpoint_is_kept_aside_and_one_without_is_not(tmp_path):
    for number in (1, 2):
        run = record(tmp_path)
        run.start()
        (run.folder / "checkpoints").mkdir()
        (run.folder / "checkpoints" / "best.ckpt").write_text(str(number))
    record(tmp_path).start()
    kept = sorted(folder.name.rpartition(".")[2] for folder in run.folder.parent.iterdir() if "." in folder.name)
    assert kept == ["1", "2"]
    assert run.folder.with_name(f"{run.folder.name}.2").joinpath("checkpoints/best.ckpt").read_text() == "2"
    record(tmp_path).start()
    assert len(list(run.folder.parent.iterdir())) == 3


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_broken_record_counts_as_none(tmp_path, text):
    run = record(tmp_path)
    run.start()
    run.path.write_text(text)
    assert record(tmp_path).earlier() is None


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    write_atomically(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("status", "process", "expected"),
    [
        ("running", {"id": 1, "host": socket.gethostname()}, True),
        ("running", {"id": os.getpid(), "host": socket.gethostname()}, False),
        ("running", {"id": 2**22 + 1, "host": socket.gethostname()}, False),
        ("running", {"id": 1, "host": "elsewhere"}, False),
        ("running", {}, False),
        ("done", {"id": 1, "host": socket.gethostname()}, False),
    ],
)
def test_whether_another_process_is_at_work(status, process, expected):
    assert is_running({"status": status, "process": process}) is expected


def test_a_full_disk_leaves_a_record_that_says_failed(tmp_path, monkeypatch):
    run = record(tmp_path)
    run.start()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.finish("done")
    assert json.loads(run.path.read_text())["status"] == "failed"


def test_what_is_not_finite_is_written_as_null(tmp_path):
    run = record(tmp_path)
    run.start()
    run.fields["metrics"] = {"test/r2": float("nan"), "test/rmse": 1.5, "all": [float("inf")]}
    run.finish("done")
    assert json.loads(run.path.read_text())["metrics"] == {"test/r2": None, "test/rmse": 1.5, "all": [None]}


def test_checksum_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert file_checksum(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
