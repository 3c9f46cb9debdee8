"""The engine for SLURM on commands that stand in for SLURM's: arrays, requeues, and parents that come and go."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine_drive
import fake_slurm
from engine_drive import CANCELLED, DONE, KILLED, WORDS
from hybridfuse.command import CommandError
from hybridfuse.sweep import slurm_engine, slurm_queue
from hybridfuse.sweep.cluster_launchers import Slurm
from hybridfuse.sweep.engine import Ended, Job, Progressed, Started
from hybridfuse.sweep.slurm_task import Left, Log

needs_submitit = pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="submitit is not installed")
RESUMABLE = ["trainer.max_epochs=150", "callbacks.early_stopping=null", "callbacks.resume.seconds=0.1", "seed=5"]
PREEMPTED = 7


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "slurm"
    folder.mkdir()
    fake_slurm.install(folder)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 0.5)
    yield folder
    for path in folder.iterdir():
        if path.name.replace("_", "").isdecimal():
            os.killpg(int(path.read_text()), signal.SIGKILL)


def submitted(cluster: Path) -> int:
    return len((cluster / "submitted").read_text().splitlines())


def record(job: Job) -> dict:
    return json.loads((job.description.folder / "record.json").read_text())


@needs_submitit
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_array_of_which_one_is_preempted_and_goes_on(cluster: Path, tmp_path: Path) -> None:
    words = {DONE: WORDS[DONE], KILLED: WORDS[KILLED], CANCELLED: WORDS[CANCELLED], PREEMPTED: RESUMABLE}
    jobs = [Job(number, engine_drive.description(Path(), *its)) for number, its in words.items()]
    ended, preempted = {}, 0
    with Slurm(partition="a partition", more={"mail-type": "END"}).open(jobs) as engine:
        for event in engine_drive.events(engine, jobs):
            if isinstance(event, Ended):
                ended[event.number] = event.outcome
            elif isinstance(event, Started) and event.number == PREEMPTED:
                preempted += 1
            elif isinstance(event, Progressed) and event.epoch == 3:
                job = next(job for job in jobs if job.number == event.number)
                engine_drive.hit(engine, job)
                if event.number == PREEMPTED and preempted == 1:
                    os.kill(engine_drive.process(job), signal.SIGUSR2)
    assert ended == {DONE: "done", KILLED: "interrupted", CANCELLED: "interrupted", PREEMPTED: "done"}
    assert (submitted(cluster), preempted) == (1, 2)
    assert record(jobs[2])["status"] == "interrupted"
    again = record(jobs[3])
    assert (again["status"], again["epochs"]) == ("done", 150)
    undisturbed = Job(0, engine_drive.description(tmp_path / "undisturbed", *RESUMABLE))
    list(engine_drive.events(engine_drive.Basic().open([undisturbed]), [undisturbed]))
    assert again["metrics"] == record(undisturbed)["metrics"]
    script = next((tmp_path / "runs" / "default" / "submitit").glob("*_submission.sh")).read_text()
    for line in ("--array=0-3%4", "--partition='a partition'", "--mail-type=END", "--cpus-per-task=1", "--time=60"):
        assert f"#SBATCH {line}\n" in script
    left = {path.suffix for path in (tmp_path / "runs" / "default" / "submitit").iterdir()}
    assert not left & {".ticket", ".events"}


@needs_submitit
@pytest.mark.slow
def test_a_job_whose_parent_died_is_gone_on_with(cluster: Path) -> None:
    job = Job(3, engine_drive.description(Path(), *WORDS[DONE]))
    dead = Slurm().open([job])
    dead.submit(job)
    assert list(dead.events(0)) == []
    again = job._replace(number=8)
    with Slurm().open([again]) as engine:
        heard = list(engine_drive.events(engine, [again]))
    assert {event.number for event in heard} == {8}
    assert heard[-1] == Ended(8, "done")
    assert submitted(cluster) == 1


@needs_submitit
def test_a_job_that_another_parent_cancelled_is_left_to_it(cluster: Path) -> None:
    job = Job(0, engine_drive.description(Path(), *WORDS[KILLED]))
    one, other = Slurm().open([job]), Slurm().open([job])
    one.submit(job)
    one.events(0)
    other.submit(job)
    time.sleep(slurm_queue._INTERVAL)
    one.cancel(0)
    os.killpg(int((cluster / "1").read_text()), signal.SIGKILL)  # before it could hear of that itself
    (cluster / "1").unlink()
    outcomes: list[list[str]] = [[], []]
    deadline = time.monotonic() + 30
    while not all(outcomes) and time.monotonic() < deadline:
        for its, engine in zip(outcomes, (one, other), strict=True):
            its += [event.outcome for event in engine.events(0.5) if isinstance(event, Ended)]
    assert outcomes == [["interrupted"], ["elsewhere"]]


@needs_submitit
def test_what_sbatch_refuses_is_told(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cluster / "sbatch").write_text("#!/bin/bash\necho 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n")
    job = Job(0, engine_drive.description(Path(), *WORDS[DONE]))
    with Slurm(partition="x").open([job]) as engine:
        engine.submit(job)
        with pytest.raises(CommandError, match=r"^the jobs could not be submitted: .*invalid partition specified: x"):
            engine.events(0)


@needs_submitit
def test_jobs_that_there_is_no_room_for_wait(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_engine, "_AGAIN", 0.0)
    jobs = [Job(number, engine_drive.description(Path(), f"seed={number}")) for number in range(2)]
    with Slurm(workers=3).open(jobs) as engine:
        engine.submit(jobs[0])
        engine.events(0)
        sbatch = (cluster / "sbatch").read_text()
        (cluster / "sbatch").write_text("#!/bin/bash\necho QOSMaxSubmitJobPerUserLimit >&2\nexit 1\n")
        engine.submit(jobs[1])
        engine.events(0)
        assert (engine.free, submitted(cluster)) == (1, 1)
        (cluster / "sbatch").write_text(sbatch)
        engine.events(0)
        assert (engine.free, submitted(cluster)) == (1, 2)


@needs_submitit
def test_a_job_that_still_waits_is_cancelled_unsubmitted(cluster: Path) -> None:
    job = Job(0, engine_drive.description(Path(), *WORDS[DONE]))
    with Slurm().open([job]) as engine:
        engine.submit(job)
        engine.cancel(0)
        assert list(engine.events(0)) == [Ended(0, "interrupted", "interrupted")]
    assert not (cluster / "submitted").exists()


@needs_submitit
def test_without_slurm_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    job = Job(0, engine_drive.description(Path(), *WORDS[DONE]))
    with Slurm().open([job]) as engine:
        engine.submit(job)
        with pytest.raises(CommandError, match=r"^hydra/launcher=slurm cannot be used: .*srun"):
            engine.events(0)


def test_a_log_gives_what_was_added_and_no_half_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written, read = Log(path), Log(path)
    assert read.read() == []
    events = [Started(1), Progressed(1, 2, 3, {"val/loss": 0.5}), Left(1)]
    for event in events:
        written.write(event)
    with path.open("a") as file:
        file.write('["Ended", {"number": 1, "outc')
    assert read.read() == events
    with path.open("a") as file:
        file.write('ome": "failed", "sentence": "ä"}]\nnonsense\n["Unknown", {}]\n')
    assert read.read() == [Ended(1, "failed", "ä")]
    assert read.read() == []


def test_a_log_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    Log(tmp_path / "missing" / "log").write(Started(0))


def test_a_queue_that_does_not_answer_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Its:
        job_id = "5_0"

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 0.0)
    queue = slurm_queue.SlurmQueue()
    assert [queue.over({1: Its()}) for _ in range(3)] == [set()] * 3
    answer = subprocess.CompletedProcess([], 0, stdout="5_1\n6\n", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: answer)
    assert [queue.over({1: Its()}) for _ in range(2)] == [set(), {1}]
    answer.stdout = "5_0\n"
    assert [queue.over({1: Its()}) for _ in range(2)] == [set(), set()]
    assert queue.has("5_0")
    assert not queue.has("5")
