"""How a job that ends by itself is told from one that was told to end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import engine_drive
from hybridfuse import build, training
from hybridfuse.module import SupervisedModule
from hybridfuse.raised import raised, sentence
from hybridfuse.reporter import Reporter
from hybridfuse.run import run
from hybridfuse.sweep import nursery, output
from hybridfuse.sweep.engine import Ended, Job
from hybridfuse.sweep.job import run_job
from hybridfuse.sweep.settle import settle


def raising(error: BaseException) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise error

    return call


class OfItsOwn(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "said", "written"),
    [
        (SystemExit(3), "sys.exit(3) was called", "SystemExit: 3"),
        (SystemExit(0), "sys.exit(0) was called", "SystemExit: 0"),
        (SystemExit(), "sys.exit() was called", "SystemExit"),
        (SystemExit("no\nway"), "sys.exit('no\\nway') was called", "SystemExit: no\nway"),
        (MemoryError(), "MemoryError", "MemoryError"),
        (OfItsOwn("base"), "base", "OfItsOwn: base"),
    ],
)
def test_a_job_that_ends_itself_has_failed(
    error: BaseException, said: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (sentence(error), raised(error)) == (said, written)
    job = Job(0, engine_drive.description(tmp_path))
    monkeypatch.setattr(SupervisedModule, "training_step", raising(error))
    ended = run_job(job, lambda _: None)
    record = json.loads((job.description.folder / "record.json").read_text())
    assert (ended.outcome, ended.sentence) == ("failed", said)
    assert (record["status"], record["error"]) == ("failed", written)
    assert "in call" in "".join(record["traceback"])


def test_a_run_that_calls_exit_is_a_failure_whatever_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SupervisedModule, "training_step", raising(SystemExit(0)))
    assert run(engine_drive.description(tmp_path), Reporter()) == training.FAILED
    monkeypatch.setattr(build, "module", raising(SystemExit(0)))
    assert run(engine_drive.description(tmp_path, "seed=1"), Reporter()) == training.FAILED


@pytest.mark.parametrize(
    "interrupt",
    [
        lambda *_: os.kill(os.getpid(), signal.SIGINT),
        lambda *_: os.kill(os.getpid(), signal.SIGTERM),
        raising(KeyboardInterrupt()),
    ],
    ids=["INT", "TERM", "raised"],
)
def test_a_job_that_is_told_to_end_was_interrupted(
    interrupt: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(0, engine_drive.description(tmp_path, *engine_drive.ENDLESS))
    monkeypatch.setattr(SupervisedModule, "on_train_epoch_end", interrupt)
    ended = run_job(job, lambda _: None)
    record = json.loads((job.description.folder / "record.json").read_text())
    assert (ended.outcome, record["status"], record["error"]) == ("interrupted", "interrupted", None)


def test_data_that_exit_cost_their_loader_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "instantiate", lambda _: SimpleNamespace(setup=raising(SystemExit(3))))
    job = Job(0, engine_drive.description(tmp_path))
    assert nursery.read(job) is None
    ended = run_job(job, lambda _: None)
    assert (ended.outcome, ended.sentence) == ("failed", "sys.exit(3) was called")


def test_what_a_job_printed_that_came_to_no_folder_is_kept(tmp_path: Path) -> None:
    job = Job(0, engine_drive.description(tmp_path))
    folder = job.description.folder
    printed = folder.with_name(f"{folder.name}.output")
    printed.parent.mkdir(parents=True)
    printed.write_text("Traceback")
    output.keep(folder)
    settle(job, Ended(0, "failed", "no"))
    assert (folder / output.NAME).read_text() == "Traceback"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_what_another_process_has_printed_stays(tmp_path: Path) -> None:
    """One that is at the same job: a second sweep finds out only after its output goes there, too."""
    folder = tmp_path / "job"
    words = "from pathlib import Path; from hybridfuse.sweep import output; output.redirect(Path({!r})); print('{}')"
    for word in ("first", "second"):
        subprocess.run([sys.executable, "-c", words.format(str(folder), word)], check=True)
    assert folder.with_name("job.output").read_text() == "first\nsecond\n"
