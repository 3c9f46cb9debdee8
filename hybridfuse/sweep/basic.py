"""Jobs one after another in this process, for debugging."""

from collections import deque
from collections.abc import Sequence

from hybridfuse.sweep.engine import Engine, Event, Job, Started
from hybridfuse.sweep.job import run_job


class BasicEngine(Engine):
    """Runs a job whenever events are asked for; nothing isolates it, so that a debugger reaches it."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._interrupted = False

    @property
    def free(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def events(self, timeout: float) -> Sequence[Event]:
        if self._interrupted:  # the job took what was meant for the sweep
            self._interrupted = False
            raise KeyboardInterrupt
        if not self._waiting:
            return []
        job = self._waiting.popleft()
        events: list[Event] = [Started(job.number)]
        ended = run_job(job, events.append)
        self._interrupted = ended.outcome == "interrupted"
        return [*events, ended]

    def cancel(self, number: int) -> None:
        self._waiting = deque(job for job in self._waiting if job.number != number)

    def close(self) -> None:
        self._waiting.clear()
