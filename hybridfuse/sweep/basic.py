"""Jobs one after another in this process, for debugging."""

from collections import deque
from collections.abc import Sequence

from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Started
from hybridfuse.sweep.job import BY_CTRL_C, run_job


class BasicEngine(Engine):
    """Runs a job whenever events are asked for; nothing isolates it, so that a debugger reaches it."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._untold: list[Event] = []

    @property
    def free(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def events(self, timeout: float) -> Sequence[Event]:
        if self._untold or not self._waiting:
            told, self._untold = self._untold, []
            return told
        job = self._waiting.popleft()
        events: list[Event] = [Started(job.number)]
        ended = run_job(job, events.append)
        events.append(ended)
        if ended == Ended(job.number, "interrupted", BY_CTRL_C):
            # The job took what was meant for the sweep, which ends before it hears more.
            self._untold = events
            raise KeyboardInterrupt
        return events

    def cancel(self, number: int) -> None:
        for job in list(self._waiting):
            if job.number == number:
                self._waiting.remove(job)
                self._untold.append(Ended(number, "interrupted", "cancelled before it had begun"))

    def close(self) -> None:
        self._waiting.clear()
