"""What is known of jobs from their records."""

import json
import math
import os
import socket

import pytest

from hybridfuse.command import CommandError
from hybridfuse.description import Configuration, Description
from hybridfuse.record import Record
from hybridfuse.report.folder import read
from hybridfuse.sweep.engine import Job
from hybridfuse.sweep.settle import is_done
from hybridfuse.sweep.state import State, state, states


def job(tmp_path, number=0, meaning="m", seed=0, force=False, **data):
    plain = {"runs": str(tmp_path), "seed": seed, "data": data, "interdependence": {}, "number": number, "force": force}
    shared = Configuration(plain, {"data": "digits", "model": "mlp"}, f"{number}", f"{meaning}")
    return Description(shared, seed, [])


def write(one, text):
    one.folder.mkdir(parents=True)
    told = {"metrics": {"val/loss": 1.0}, **one.facts}
    (one.folder / "record.json").write_text(text if isinstance(text, str) else json.dumps(told | text))


@pytest.mark.parametrize("status", ["done", "failed", "interrupted", "pruned"])
def test_how_a_run_ended(tmp_path, status):
    one = job(tmp_path)
    write(one, {"status": status, "error": "no", "duration_s": 2.5, "versions": {"hybridfuse": "0.0.9"}})
    assert state(one) == State(status, one.folder, 2.5, "0.0.9")
    assert [found._replace(row=None) for found in states([one])] == [state(one)]


def test_a_run_cut_off_by_a_full_disk_is_no_failure_of_its_own(tmp_path):
    one = job(tmp_path)
    write(one, {"status": "failed", "error": None})
    assert state(one).status == "interrupted"


HERE = socket.gethostname()
BROKEN = [
    *("", "{", "[1]", "null", "\x00", '{"data": {}}', '{"status": 3}', '{"status": "done"}', "[" * 100_000),
    *({"status": "done", name: None} for name in ("data", "metrics", "model", "seed")),
    *({"status": "done", "metrics": metrics} for metrics in ({}, [1], {"val/loss": "x"}, {"val/loss": 10**400})),
    *({"status": "done", "duration_s": seconds} for seconds in ("x", -1, math.nan, math.inf, 10**400, True)),
    *({"status": status, "seed": [1]} for status in ("done", "failed", "running")),
    *({"status": "done", "meaning": meaning} for meaning in (["a"], {}, 1)),
    *({"status": "running", "process": process} for process in ("x", [1], {"id": None, "host": HERE}, {"host": HERE})),
    *({"status": "failed", "error": error} for error in ([], 3)),
    {"status": "of a later version"},
]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: str(text)[:40])
def test_a_record_that_is_damaged_is_told_by_sweep_and_summary_and_its_job_runs_again(tmp_path, text):
    one, other = job(tmp_path), job(tmp_path, 1, "n")
    write(one, text)
    write(other, {"status": "done", "versions": None, "duration_s": None})
    assert [found.status for found in states([one, other])] == ["broken", "done"]
    assert [broken.path.parent for broken in read(one.folder.parent).unreadable] == [one.folder]
    assert Record(one).earlier() is None
    assert not is_done(Job(0, one))
    assert is_done(Job(1, other))


def test_a_process_of_no_machine_is_not_at_work(tmp_path):
    one, other = job(tmp_path), job(tmp_path, 1, "n")
    write(one, {"status": "running", "process": {"id": 10**30, "host": HERE}})
    write(other, {"status": "running", "process": {"id": -1, "host": HERE}})
    assert [found.status for found in states([one, other])] == ["interrupted", "interrupted"]


def test_a_run_at_work_and_one_whose_process_is_gone(tmp_path):
    alive, dead, new, empty = (job(tmp_path, number, number) for number in range(4))
    host = socket.gethostname()
    write(alive, {"status": "running", "process": {"id": os.getppid(), "host": host}})
    write(dead, {"status": "running", "process": {"id": 2**22 + 1, "host": host}})
    empty.folder.mkdir()
    found = states([alive, dead, new, empty])
    assert [one.status for one in found] == ["running", "interrupted", "new", "new"]
    assert found[0].process == os.getppid()


def test_a_job_is_done_by_an_equal_one_of_the_same_seed(tmp_path):
    first, equal, seed, other = job(tmp_path), job(tmp_path, 1), job(tmp_path, 2, seed=1), job(tmp_path, 3, "other")
    write(first, {"status": "done", "meaning": "m", "seed": 0})
    write(equal, {"status": "failed", "meaning": "m", "seed": 0})
    found = states([equal, seed, other])
    assert [one.status for one in found] == ["done", "new", "new"]
    assert found[0].folder == first.folder
    write(job(tmp_path, 4, seed=1), {"status": "done", "meaning": "m", "seed": 1})
    assert [one.status for one in states([equal, seed, other])] == ["done", "done", "new"]


def test_the_row_of_a_run_that_is_done_is_had_with_its_state(tmp_path):
    one, failed, less = job(tmp_path), job(tmp_path, 1, "f"), job(tmp_path, 2, "l")
    said = {"metrics": {"val/accuracy": 0.5}, **one.facts, "duration_s": 2}
    write(one, said | {"status": "done"})
    write(failed, said | {"status": "failed", "error": "no"})
    write(less, '{"status": "done"}')
    rows = [found.row for found in states([one, failed, less])]
    assert rows == [*read(one.folder.parent, [one.folder]).rows, None, None]
    (one.folder / "record.json").unlink()
    assert read(one.folder.parent, [one.folder], {one.folder: rows[0]}).rows == rows[:1]
    assert read(one.folder.parent, [one.folder]).rows == []


def test_what_is_kept_aside_counts_for_nothing(tmp_path):
    one, again = job(tmp_path), job(tmp_path, 1)
    write(one, {"status": "done", "meaning": "m", "seed": 0})
    one.folder.rename(f"{one.folder}.1")
    (tmp_path / "default" / "sweep-1.json").write_text("{}")
    (tmp_path / "default" / "file").write_text("")
    assert [found.status for found in states([one, again])] == ["new", "new"]


def test_a_job_that_is_done_is_new_where_it_is_forced(tmp_path):
    write(job(tmp_path), {"status": "done", "meaning": "m", "seed": 0, "duration_s": 2})
    one, equal = states([job(tmp_path, force=True), job(tmp_path, 1, force=True)])
    assert (one.status, one.duration, equal.status) == ("new", 2, "new")


def test_a_file_of_data_that_has_changed_since_a_job_was_done(tmp_path):
    (tmp_path / "my.csv").write_bytes(b"abc")
    one = job(tmp_path, path=str(tmp_path / "my.csv"), links=None)
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    write(one, {"status": "done", "data": {"name": "csv", "sha256": known}})
    assert states([one])[0].status == "done"
    (tmp_path / "my.csv").write_bytes(b"abd")
    with pytest.raises(CommandError, match=r"my.csv has changed since .* was done; rerun with force=true."):
        states([one])
    (tmp_path / "my.csv").unlink()
    assert states([one])[0].status == "done"
