"""One process's part in a sweep: it hands jobs to an engine until none is left that it could do. Free of torch."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Started

_TICK = 0.25
_ELSEWHERE = 2.0
"""Seconds between two looks at jobs of another process."""


class Source(Protocol):
    """Where jobs come from: a plan, or a search that decides by the results so far."""

    def next(self) -> Job | None:
        """The next job to begin; None if there is none, or none before another one has ended."""
        ...

    def heard(self, event: Event) -> bool:
        """Takes in what happened; whether the job that it happened to is worth going on with."""
        ...


class Listed(Source):
    """Jobs that are known from the start.

    Args:
        jobs: in the order in which they begin.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = deque(jobs)

    def next(self) -> Job | None:
        return self._jobs.popleft() if self._jobs else None

    def heard(self, event: Event) -> bool:
        return True


class Watcher(Protocol):
    """Whoever wants to see what happens."""

    def heard(self, event: Event) -> None:
        """Something happened to a job."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a sweep may do.

    Args:
        retries: how often a job that failed or was killed is tried again.
        timeout: seconds after which a job is killed; None: never.
        fail_fast: whether the first failure ends the sweep.
    """

    retries: int = 0
    timeout: float | None = None
    fail_fast: bool = False


@dataclass
class Session:
    """Runs jobs on an engine.

    Args:
        engine: where they run.
        limits: when they are given up.
        settle: called with the last end of each job, once its process is gone: puts its record in order.
        is_done: whether a job that another process was at is done by now.
        watcher: sees all events.
        patience: how long a job waits for the lease of a process that may be dead, when there is nothing else to do.
    """

    engine: Engine
    limits: Limits
    settle: Callable[[Job, Ended], None]
    is_done: Callable[[Job], bool]
    watcher: Watcher
    patience: float = 0.0
    ended: dict[int, Ended] = field(default_factory=dict)
    _again: deque[Job] = field(default_factory=deque)
    _elsewhere: deque[Job] = field(default_factory=deque)
    _running: dict[int, Job] = field(default_factory=dict)
    _begun: dict[int, float] = field(default_factory=dict)
    _attempts: dict[int, int] = field(default_factory=dict)
    _pruned: set[int] = field(default_factory=set[int])
    _looked: float = 0.0
    _source: Source = field(default_factory=lambda: Listed([]))

    def run(self, source: Source) -> Mapping[int, Ended]:
        """How each job ended, those aside that were never begun.

        Raises:
            KeyboardInterrupt: if it was interrupted; what ran has been ended, what is to go is as it was.
        """
        self._source = source
        try:
            while self._submit() or self._elsewhere or self._running:
                for event in self.engine.events(_TICK):
                    self._hear(event)
                self._cancel_overdue()
        except KeyboardInterrupt:
            self._end_all()
            raise
        return self.ended

    def stop(self) -> None:
        """Begins no more jobs."""
        self._source = Listed([])
        self._again.clear()
        self._elsewhere.clear()

    def _submit(self) -> bool:
        """Begins as many jobs as there is room for; whether there was one."""
        begun = False
        while self.engine.free > 0 and (job := self._again.popleft() if self._again else self._source.next()):
            self._begin(job)
            begun = True
        if self.engine.free > 0 and self._elsewhere and time.monotonic() > self._looked + _ELSEWHERE:
            self._looked = time.monotonic()
            self._look_elsewhere()
        return begun

    def _look_elsewhere(self) -> None:
        """Jobs of another process: those done are ticked off; one is waited for, in case that process is dead."""
        for job in list(self._elsewhere):
            if self.is_done(job):
                self._elsewhere.remove(job)
                self._close(job, Ended(job.number, "done", "elsewhere"))
        if self._elsewhere and not self._running:
            self._begin(self._elsewhere.popleft()._replace(patience=self.patience))

    def _begin(self, job: Job) -> None:
        self._running[job.number] = job
        self.engine.submit(job)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Started):
            self._begun[event.number] = time.monotonic()
        if isinstance(event, Ended):
            self._hear_end(event)
        else:
            self.watcher.heard(event)
            if not self._source.heard(event):
                self._pruned.add(event.number)
                self.engine.cancel(event.number)

    def _hear_end(self, event: Ended) -> None:
        job = self._running.pop(event.number)
        begun = self._begun.pop(event.number, None)
        if event.outcome == "elsewhere":
            self._elsewhere.append(job)
            return
        if begun is not None and self._overdue(begun) and event.outcome == "interrupted":
            event = Ended(event.number, "failed", f"took longer than sweep.timeout={self.limits.timeout:g} s")
        if event.number in self._pruned and event.outcome == "interrupted":
            event = Ended(event.number, "pruned", "given up, since others stood better at the same epoch")
        tries = self._attempts[job.number] = self._attempts.get(job.number, 0) + 1
        self.settle(job, event)
        if event.outcome in ("failed", "interrupted") and tries <= self.limits.retries:
            self._again.append(job._replace(patience=0.0))
            return
        self._close(job, event)
        if event.outcome == "failed" and self.limits.fail_fast:
            self.stop()
            for number in self._running:
                self.engine.cancel(number)

    def _close(self, job: Job, event: Ended) -> None:
        self.ended[job.number] = event
        self.watcher.heard(event)
        self._source.heard(event)

    def _overdue(self, begun: float) -> bool:
        return self.limits.timeout is not None and time.monotonic() - begun > self.limits.timeout

    def _cancel_overdue(self) -> None:
        for number, begun in self._begun.items():
            if self._overdue(begun):
                self.engine.cancel(number)

    def _end_all(self) -> None:
        """Asks what runs to end, and waits for it; a second interrupt gives up waiting."""
        self.stop()
        for number in self._running:
            self.engine.cancel(number)
        while self._running:
            for event in self.engine.events(_TICK):
                if isinstance(event, Ended):
                    job = self._running.pop(event.number)
                    self.settle(job, event)
                    self._close(job, event)
