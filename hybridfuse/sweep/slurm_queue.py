"""Who knows which of the submitted jobs are over: SLURM, or this machine where it stands in for it."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

_INTERVAL = 10.0
"""Seconds between two questions to SLURM, which others have to live with."""
_GRACE = 30.0
"""Seconds that processes of this machine have to end."""


class Queue(ABC):
    """Where submitit has put jobs.

    Args:
        interval: seconds between two looks at what jobs have reported.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval

    @abstractmethod
    def over(self, jobs: Mapping[int, Any]) -> set[int]:
        """Those of submitit's jobs that have neither to begin nor to end any more, by their keys."""

    @abstractmethod
    def cancel(self, job: Any) -> None:
        """Asks one of submitit's jobs to end."""

    @abstractmethod
    def end(self, jobs: Sequence[Any]) -> None:
        """Leaves none of submitit's jobs on this machine, whatever it takes."""

    @abstractmethod
    def has(self, identifier: str) -> bool:
        """Whether a job of this identifier waits or runs, perhaps submitted by a process that is gone."""


class SlurmQueue(Queue):
    """What `squeue` lists; unlike `sacct`, every cluster has it, and it knows of a job that is queued again."""

    def __init__(self) -> None:
        super().__init__(interval=2.0)
        self._asked = -_INTERVAL
        self._listed: set[str] | None = None
        self._missed: set[str] = set()

    def over(self, jobs: Mapping[int, Any]) -> set[int]:
        if not self._ask() or self._listed is None:
            return set()
        missing = {job.job_id for job in jobs.values()} - self._listed
        over = missing & self._missed  # missing twice: until then its last words may be on their way
        self._missed = missing
        return {number for number, job in jobs.items() if job.job_id in over}

    def cancel(self, job: Any) -> None:
        job.cancel(check=False)

    def end(self, jobs: Sequence[Any]) -> None:
        """None of them is here; SLURM kills those that do not end."""

    def has(self, identifier: str) -> bool:
        self._ask()
        return identifier in (self._listed or ())

    def _ask(self) -> bool:
        """Whether it was time to look again."""
        if time.monotonic() < self._asked + _INTERVAL:
            return False
        self._asked = time.monotonic()
        command = ["squeue", "--noheader", "--array", "--me", "--format=%i"]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
            self._listed = set(said.split())
        except (OSError, subprocess.SubprocessError):  # overloaded, or being restarted: the jobs go on
            self._listed = None
        return True


class ProcessQueue(Queue):
    """Processes of this machine."""

    def __init__(self) -> None:
        super().__init__(interval=0.2)
        self._alive: dict[str, Any] = {}

    def over(self, jobs: Mapping[int, Any]) -> set[int]:
        over = {number for number, job in jobs.items() if job.done()}
        # Some have told how they ended and are about to.
        alive = self._alive | {job.job_id: job for job in jobs.values()}
        self._alive = {identifier: job for identifier, job in alive.items() if not job.done()}
        return over

    def cancel(self, job: Any) -> None:
        # submitit would give it a second, and print the traceback of the process above it.
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(job.job_id), signal.SIGTERM)

    def end(self, jobs: Sequence[Any]) -> None:
        deadline = time.monotonic() + _GRACE
        while alive := [job for job in [*self._alive.values(), *jobs] if not job.done()]:
            time.sleep(self.interval)
            if time.monotonic() > deadline:
                deadline = float("inf")
                for job in alive:
                    job.cancel()

    def has(self, identifier: str) -> bool:
        return False
