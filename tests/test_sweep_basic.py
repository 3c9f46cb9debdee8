"""Jobs one after another in this process: an interruption ends them all, and each ends once."""

import errno
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from hybridfuse.sweep import basic
from hybridfuse.sweep.basic import BasicEngine
from hybridfuse.sweep.engine import Ended, Event, Job, Started
from hybridfuse.sweep.session import Limits, Listed, Session


class Deaf:
    def heard(self, event: Event) -> None:
        pass


class Finite(BasicEngine):
    """Has a test end where a session would wait for ever."""

    asked = 0

    def events(self, timeout: float) -> Sequence[Event]:
        self.asked += 1
        assert self.asked < 20
        return super().events(timeout)


def job(number: int) -> Job:
    nothing: Any = None
    return Job(number, nothing)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs that were run; the second one counts as interrupted."""
    numbers: list[int] = []

    def run_job(one: Job, report: object) -> Ended:
        numbers.append(one.number)
        return Ended(one.number, "interrupted", "interrupted") if one.number == 1 else Ended(one.number, "done")

    monkeypatch.setattr(basic, "run_job", run_job)
    return numbers


def test_a_job_that_was_interrupted_ends_the_sweep_and_begins_no_other(ran: list[int]) -> None:
    settled: list[Ended] = []
    made = Session(Finite(), Limits(retries=2), lambda _, end: settled.append(end), lambda _: False, Deaf())
    with pytest.raises(KeyboardInterrupt):
        made.run(Listed(map(job, range(4))))
    assert ran == [0, 1]
    assert [(end.number, end.outcome) for end in settled] == [(0, "done"), (1, "interrupted")]


def test_a_job_that_is_cancelled_before_it_has_begun_ends_once(ran: list[int]) -> None:
    engine = BasicEngine()
    engine.submit(job(7))
    engine.cancel(3)
    engine.cancel(7)
    assert list(engine.events(0)) == [Ended(7, "interrupted", "cancelled before it had begun")]
    assert list(engine.events(0)) == []
    engine.submit(job(8))
    assert list(engine.events(0)) == [Started(8), Ended(8, "done")]
    assert ran == [8]


def test_a_job_that_met_a_full_disk_leaves_the_others_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(description: object, reporter: object, **given: object) -> None:
        ran.append(1)
        if len(ran) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    ran: list[int] = []
    settled: list[Ended] = []
    monkeypatch.setattr("hybridfuse.run.run", run)
    before = signal.getsignal(signal.SIGINT)
    try:
        Session(BasicEngine(), Limits(), lambda _, end: settled.append(end), lambda _: False, Deaf()).run(
            Listed(map(job, range(2)))
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert [(end.number, end.outcome) for end in settled] == [(0, "interrupted"), (1, "done")]
