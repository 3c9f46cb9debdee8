"""How a sweep hands out jobs, with an engine that only pretends: retries, limits, other processes, interruptions."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hybridfuse.sweep import session
from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Progressed, Started
from hybridfuse.sweep.session import Limits, Listed, Session

Act = Callable[[Job], Sequence[Event]]
NO_LIMITS = Limits()


class Pretended(Engine):
    """Does what `act` says with a job, at once; what is left over waits for a cancellation."""

    def __init__(self, act: Act, places: int = 2) -> None:
        self.act, self.places = act, places
        self.submitted: list[Job] = []
        self.cancelled: list[int] = []
        self.most = 0
        self._open: set[int] = set()
        self._events: deque[Event] = deque()

    @property
    def free(self) -> int:
        return self.places - len(self._open)

    def submit(self, job: Job) -> None:
        assert self.free > 0
        self.submitted.append(job)
        self._open.add(job.number)
        self.most = max(self.most, len(self._open))
        self._events.extend([Started(job.number), *self.act(job)])

    def events(self, timeout: float) -> Sequence[Event]:
        if not self._events:
            time.sleep(0.01)
            return []
        event = self._events.popleft()
        if isinstance(event, Ended):
            self._open.discard(event.number)
        return [event]

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)
        if number in self._open:
            self._events.append(Ended(number, "interrupted", "asked to"))

    def close(self) -> None:
        self._open.clear()


class Seen:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def heard(self, event: Event) -> None:
        self.events.append(event)


def job(number: int) -> Job:
    nothing: Any = None
    return Job(number, nothing)


def begun(act: Act, limits: Limits = NO_LIMITS, is_done: Callable[[Job], bool] = lambda _: False) -> Any:
    """A session, its engine, and the ends that were settled."""
    settled: list[tuple[int, str]] = []
    engine = Pretended(act)
    made = Session(engine, limits, lambda one, end: settled.append((one.number, end.outcome)), is_done, Seen(), 9.0)
    return made, engine, settled


def done(one: Job) -> list[Event]:
    return [Progressed(one.number, 1, 2, {"val/loss": 1.0}), Ended(one.number, "done")]


def test_every_job_runs_once_and_never_more_than_there_is_room_for() -> None:
    made, engine, settled = begun(done)
    ended = made.run(Listed(map(job, range(7))))
    assert {number: end.outcome for number, end in ended.items()} == dict.fromkeys(range(7), "done")
    assert [one.number for one in engine.submitted] == list(range(7))
    assert sorted(settled) == [(number, "done") for number in range(7)]
    assert engine.most == 2
    assert sum(isinstance(event, Progressed) for event in made.watcher.events) == 7


@pytest.mark.parametrize("outcome", ["failed", "interrupted"])
def test_a_job_that_fails_is_tried_again_so_often_and_costs_no_other(outcome: Any) -> None:
    made, engine, _ = begun(
        lambda one: [Ended(one.number, outcome, "no")] if one.number == 1 else done(one), Limits(retries=2)
    )
    ended = made.run(Listed(map(job, range(4))))
    assert [one.number for one in engine.submitted].count(1) == 3
    assert (ended[1].outcome, ended[1].sentence) == (outcome, "no")
    assert {ended[number].outcome for number in (0, 2, 3)} == {"done"}
    assert sum(isinstance(event, Ended) and event.number == 1 for event in made.watcher.events) == 1


def test_a_second_try_can_succeed() -> None:
    tries: list[int] = []

    def act(one: Job) -> Sequence[Event]:
        tries.append(one.number)
        return done(one) if len(tries) > 1 else [Ended(one.number, "failed", "once")]

    made, _, settled = begun(act, Limits(retries=1))
    assert made.run(Listed([job(0)]))[0].outcome == "done"
    assert settled == [(0, "failed"), (0, "done")]


def test_a_job_that_takes_too_long_is_cancelled_and_has_failed() -> None:
    made, engine, settled = begun(lambda one: [] if one.number == 0 else done(one), Limits(timeout=0.05))
    ended = made.run(Listed(map(job, range(3))))
    assert (ended[0].outcome, ended[0].sentence) == ("failed", "took longer than sweep.timeout=0.05 s")
    assert set(engine.cancelled) == {0}
    assert (0, "failed") in settled
    assert ended[2].outcome == "done"


def test_the_first_failure_can_end_all() -> None:
    def act(one: Job) -> Sequence[Event]:
        return [] if one.number == 0 else [Ended(one.number, "failed", "no")]

    made, engine, _ = begun(act, Limits(fail_fast=True))
    ended = made.run(Listed(map(job, range(9))))
    assert {number: end.outcome for number, end in ended.items()} == {0: "interrupted", 1: "failed"}
    assert engine.cancelled == [0]


def test_an_interrupt_ends_what_runs_and_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    made, engine, settled = begun(lambda _: [])
    calls: list[int] = []

    def interrupted() -> None:
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(made, "_cancel_overdue", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.run(Listed(map(job, range(9))))
    assert sorted(settled) == [(0, "interrupted"), (1, "interrupted")]
    assert len(engine.submitted) == 2


def test_a_job_of_another_process_counts_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ELSEWHERE", 0.02)
    looks: list[int] = []

    def is_done(one: Job) -> bool:
        looks.append(one.number)
        return len(looks) > 2

    made, engine, settled = begun(
        lambda one: [Ended(one.number, "elsewhere")] if one.number == 0 else done(one), is_done=is_done
    )
    ended = made.run(Listed(map(job, range(3))))
    assert {number: end.outcome for number, end in ended.items()} == dict.fromkeys(range(3), "done")
    assert (0, "done") not in settled
    patient = [one.patience for one in engine.submitted if one.number == 0]
    assert patient[0] == 0.0
    assert set(patient[1:]) <= {9.0}


def test_a_job_whose_process_elsewhere_has_died_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_ELSEWHERE", 0.02)
    made, engine, _ = begun(lambda one: done(one) if one.patience else [Ended(one.number, "elsewhere")])
    assert made.run(Listed([job(0)]))[0].outcome == "done"
    assert [one.patience for one in engine.submitted] == [0.0, 9.0]


def test_a_source_can_give_a_job_up() -> None:
    class Choosy(Listed):
        def heard(self, event: Event) -> bool:
            return not (isinstance(event, Progressed) and event.number == 0)

    def act(one: Job) -> Sequence[Event]:
        return [Progressed(one.number, 1, 2, {})] if one.number == 0 else done(one)

    made, engine, _ = begun(act)
    ended = made.run(Choosy(map(job, range(3))))
    assert engine.cancelled == [0]
    assert ended[0].outcome == "pruned"
    assert ended[1].outcome == ended[2].outcome == "done"
