"""Processes of the pool that are told to end: at once where nothing trains, and with all that they have started."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridfuse.sweep import nursery, pool
from hybridfuse.sweep.engine import Ended, Job, Started
from hybridfuse.sweep.nursery import Exited, InProcess, Order
from hybridfuse.sweep.pool import PoolEngine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def job(number: int, folder: Path = Path()) -> Job:
    description: Any = SimpleNamespace(plain={"data": {"name": number}}, folder=folder)
    return Job(number, description)


def importing(orders: Connection, messages: Connection) -> None:
    time.sleep(600)


def reading(orders: Connection, messages: Connection) -> None:
    order: Order = orders.recv()
    messages.send(InProcess(order.ticket, os.getpid(), own=False))
    time.sleep(600)


@pytest.mark.parametrize("busy", [importing, reading])
def test_nothing_is_waited_for_where_nothing_trains(busy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "nursery", busy)
    with PoolEngine(2) as engine:
        engine.submit(job(0))
        engine.submit(job(1))
        if busy is reading:
            assert list(engine.events(20)) == [Started(0)]
        engine.cancel(0)
        assert list(engine.events(0.2)) == []  # another job may train yet
        engine.cancel(1)
        begin = time.monotonic()
        ended = engine.events(20)
        assert list(ended) == [Ended(number, "interrupted", "cancelled before it had begun") for number in (0, 1)]
        assert time.monotonic() - begin < 5
        assert engine.free == 2


def with_child(one: Job, *_: object) -> Ended:
    """A job that leaves a process behind, and hangs or ends."""
    child = subprocess.Popen(["sleep", "777"])
    (one.description.folder / "child").write_text(str(child.pid))
    if one.number:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(600)
    return Ended(one.number, "done")


def child(folder: Path) -> int:
    deadline = time.monotonic() + 20
    while not (folder / "child").exists() or not (folder / "child").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int((folder / "child").read_text())


def is_gone(process: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def nothing(*_: object) -> None:
    pass


@pytest.fixture
def jobs_with_children(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, act in {
        "read": nothing,
        "run_job": with_child,
        "output": SimpleNamespace(redirect=nothing, keep=nothing),
    }.items():
        monkeypatch.setattr(nursery, name, act)


@pytest.mark.usefixtures("jobs_with_children")
def test_what_a_job_has_started_ends_with_it(tmp_path: Path) -> None:
    receiver, orders = multiprocessing.Pipe(duplex=False)
    messages, sender = multiprocessing.Pipe(duplex=False)
    loader = nursery.start(nursery.loader, job(0), receiver, sender)
    orders.send(Order(5, 0, job(0, tmp_path), {}))
    while not isinstance(messages.recv(), Exited):
        pass
    assert is_gone(child(tmp_path))
    loader.kill()
    loader.join()


@pytest.mark.parametrize("how", ["overdue", "closed"])
@pytest.mark.usefixtures("jobs_with_children")
def test_a_job_that_is_killed_is_killed_as_a_whole(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE", 0.1)
    monkeypatch.setattr(nursery, "_prepare", nothing)
    with PoolEngine(1) as engine:
        engine.submit(job(1, tmp_path))
        ended: list[object] = []
        process = None
        while how == "overdue" and not ended:
            ended = [event for event in engine.events(0.1) if isinstance(event, Ended)]
            if process is None and (tmp_path / "child").exists():
                process = child(tmp_path)
                engine.cancel(1)
        while how == "closed" and process is None:
            engine.events(0.1)
            process = child(tmp_path) if (tmp_path / "child").exists() else None
        engine.events(0.3)  # it has heard of the job's process by now
    assert process is not None
    assert is_gone(process)
