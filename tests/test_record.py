"""The record of a run: its place, its hash, atomic writes, nothing lost."""

import json
import os
import pickle
import socket

import pytest
from omegaconf import OmegaConf

from hybridfuse import record as records
from hybridfuse.description import ANY_SEED, Configuration, Description, content_hash, result_text
from hybridfuse.record import Record, file_checksum, is_running, write_atomically

CHOICES = {"data": "digits", "model": "mlp"}


def plain(tmp_path, **changes):
    config = {"runs": str(tmp_path), "force": False, "seed": 0, "data": {"seed": 0}, "interdependence": {}}
    return {**config, **changes}


def shared(tmp_path, choices=CHOICES, **changes):
    return Configuration(plain(tmp_path, **changes), choices, result_text(plain(tmp_path, **changes)), "meaning")


def description(tmp_path, **changes):
    return Description(shared(tmp_path, **changes), changes.get("seed", 0), ["seed=0"])


def record(tmp_path, **changes):
    return Record(description(tmp_path, **changes))


def test_hash_follows_what_decides_the_result_and_nothing_else(tmp_path):
    digest = content_hash(plain(tmp_path))
    beside = {"force": True, "controls": True, "export": "somewhere", "sweep": {"name": "x", "seeds": 5}}
    assert digest == content_hash(plain(tmp_path / "elsewhere", **beside))
    assert digest != content_hash(plain(tmp_path, seed=1))
    assert digest != content_hash(plain(tmp_path, more=1))


def test_hash_is_that_of_all_earlier_versions():
    config = {"seed": 0, 10: [1.5, None], "b": {"ä": True, 2: "x"}, "runs": "r", "force": True}
    assert content_hash(config) == "88a1bf5b868a52e61b1fe66a6dd751b8389731601a61a9367268608dd294ab56"


def test_folder_is_readable_safe_and_unique(tmp_path):
    folder = record(tmp_path).folder
    assert folder.parent == tmp_path / "default"
    assert folder.name.startswith("digits_mlp_seed0-")
    assert record(tmp_path, seed=1).folder != folder
    assert record(tmp_path, data={"path": "a b/c d.csv"}).folder.name.startswith("c-d_mlp_seed0-")
    assert record(tmp_path, sweep={"name": "mine"}).folder == tmp_path / "mine" / folder.name


def test_folders_of_many_functions_are_short_and_tell_their_order(tmp_path):
    choices = {**CHOICES, "model": "rpn", "axis": "attribute", "fusion": "concatenation"}
    names = [f"function_with_a_long_name_{number}" for number in range(9)]
    folders = [
        Description(shared(tmp_path, choices, interdependence=dict.fromkeys(order)), 0, []).folder.name
        for order in (names, [*names[:7], names[8], names[7]])
    ]
    assert folders[0] != folders[1]
    assert max(map(len, folders)) < 150


def test_a_description_is_whole_in_another_process(tmp_path):
    first = description(tmp_path, sweep={"name": "mine"}, secret="${oc.env:HOME}")
    again = pickle.loads(pickle.dumps(first))
    assert (again.digest, again.folder, again.facts) == (first.digest, first.folder, first.facts)
    assert again.config.secret == "${oc.env:HOME}"
    assert "sweep" not in again.config
    told = [again.facts[name] for name in ("seed", "meaning", "overrides")]
    assert told == [0, "meaning", ["seed=0"]]


@pytest.mark.parametrize("seed", [7, "abc", None])
def test_replicates_share_all_but_what_follows_from_the_seed(tmp_path, seed):
    data = {"seed": ANY_SEED, "path": f"rows {ANY_SEED}.csv", "all": [ANY_SEED, 1]}
    one = Description(shared(tmp_path, seed=ANY_SEED, data=data), seed, [])
    expected = plain(tmp_path, seed=seed, data={"seed": seed, "path": f"rows {seed}.csv", "all": [seed, 1]})
    assert one.plain == expected
    assert one.digest == content_hash(expected)
    assert f"rows-{seed}_mlp_seed{seed}" in one.folder.name
    other = Description(shared(tmp_path, seed=ANY_SEED, data=data), 1, [])
    assert (one.configuration, one.digest != other.digest) == (other.configuration, True)
    assert Description(shared(tmp_path, seed=ANY_SEED), 1, []).configuration != other.configuration


def test_record_says_running_then_how_it_ended(tmp_path):
    run = record(tmp_path)
    run.start()
    first = json.loads(run.path.read_text())
    assert (first["status"], first["seed"], first["process"]["id"]) == ("running", 0, os.getpid())
    assert first["versions"]["torch"].startswith("2.")
    assert first["config_hash"] == content_hash(plain(tmp_path))
    assert OmegaConf.load(run.folder / "config.yaml").data.seed == 0
    run.finish("failed", "ValueError: no")
    last = json.loads(run.path.read_text())
    assert (last["status"], last["error"]) == ("failed", "ValueError: no")
    assert last["duration_s"] >= 0


@pytest.mark.parametrize(("status", "kept"), [("done", ["1", "2"]), ("failed", []), ("interrupted", [])])
def test_what_is_done_is_kept_aside_and_an_attempt_is_not(tmp_path, status, kept):
    for number in (1, 2):
        run = record(tmp_path)
        run.start()
        (run.folder / "checkpoints").mkdir()
        (run.folder / "checkpoints" / "best.ckpt").write_text(str(number))
        run.fields["metrics"] = {"val/loss": 1.0}
        run.finish(status)
    record(tmp_path).start()
    aside = sorted(folder.name.rpartition(".")[2] for folder in run.folder.parent.iterdir() if "." in folder.name)
    assert aside == kept
    for number in kept:
        folder = run.folder.with_name(f"{run.folder.name}.{number}")
        assert (folder / "checkpoints" / "best.ckpt").read_text() == number
    assert not (run.folder / "checkpoints").exists()


def test_what_is_gone_on_with_stays(tmp_path):
    run = record(tmp_path)
    run.start()
    (run.folder / "last").write_text("")
    record(tmp_path).start(keep=True)
    assert (run.folder / "last").exists()


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


def test_what_is_written_has_the_permissions_of_any_file(tmp_path):
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "whole.json", "{}")
    assert (tmp_path / "whole.json").stat().st_mode == (tmp_path / "plain").stat().st_mode
