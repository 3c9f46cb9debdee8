"""A sweep to look at: a live table on a terminal, elsewhere a line for each job. Free of torch."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hybridfuse.report.metric import deciding, higher_is_better
from hybridfuse.sweep.engine import Ended, Event, Job, Progressed, Started
from hybridfuse.sweep.settle import Result, result

_MARKS = {"done": "done", "failed": "FAILED", "interrupted": "KILLED", "pruned": "pruned"}
_SHOWN = 12
"""Jobs at work that are shown at most."""


@dataclass
class _Work:
    begun: float
    at: Progressed | None = None


class Display:
    """Shows how a sweep goes on.

    Args:
        jobs: those that are to be run, by number; a search adds to them.
        names: what each is called.
        total: how many there will be.
        workers: jobs that run at once.
        metric: by which configurations are compared; None is the usual one of each job's task.
    """

    def __init__(
        self, jobs: Mapping[int, Job], names: Mapping[int, str], total: int, workers: int, metric: str | None
    ) -> None:
        self._jobs, self._names, self._total = jobs, names, total
        self._workers, self._metric = max(workers, 1), metric
        self._console = Console()
        self._work: dict[int, _Work] = {}
        self._counts = dict.fromkeys(_MARKS, 0)
        self._durations: list[float] = []
        self._best: tuple[Result, int] | None = None
        self._live: Live | None = None

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._picture)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def heard(self, event: Event) -> None:
        """Takes in what happened to a job."""
        if isinstance(event, Started):
            self._work[event.number] = _Work(time.monotonic())
        elif isinstance(event, Progressed) and event.number in self._work:
            self._work[event.number].at = event
        elif isinstance(event, Ended):
            self._ended(event)

    def _ended(self, event: Ended) -> None:
        work = self._work.pop(event.number, None)
        self._counts[event.outcome] += 1
        if work is not None:
            self._durations.append(time.monotonic() - work.begun)
        if event.outcome == "done":
            found = result(self._jobs[event.number], self._metric)
            if found.metric and (self._best is None or _better(found, self._best[0])):
                self._best = found, event.number
            said = f"{found.metric} {found.value:.4f} ({found.seconds:.1f} s)"
        else:
            said = event.sentence
        if event.outcome != "done" or not self._console.is_terminal:
            self._line(event, said)

    def _line(self, event: Ended, said: str) -> None:
        ended, total = sum(self._counts.values()), self._total
        text = f"[{ended}/{total}] {_MARKS[event.outcome]} {self._names[event.number]}: {said}{self._left()}"
        self._console.print(Text(text), soft_wrap=True)

    def _left(self) -> str:
        seconds = self._seconds_left()
        return f", {span(seconds)} left" if seconds is not None and seconds >= 1 else ""

    def _seconds_left(self) -> float | None:
        if not self._durations:
            return None
        to_go = self._total - sum(self._counts.values())
        return to_go * sum(self._durations) / len(self._durations) / self._workers

    def _picture(self) -> Group:
        ended, total = sum(self._counts.values()), self._total
        counts = f"{self._counts['done']} done, {len(self._work)} running"
        for outcome in ("failed", "interrupted", "pruned"):
            counts += f", {self._counts[outcome]} {outcome}" if self._counts[outcome] else ""
        head = Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(total=total, completed=ended, width=40), f"{ended}/{total}  {counts}{self._left()}")
        work = Table.grid(padding=(0, 2))
        for number, at in list(self._work.items())[:_SHOWN]:
            work.add_row(Text(f"  {self._names[number]}"), *_position(at))
        said = ""
        if self._best is not None:
            found, number = self._best
            said = f"  best so far: {self._names[number]}, {found.metric} {found.value:.4f}"
        return Group(head, work, Text(said))


def _better(found: Result, best: Result) -> bool:
    if found.metric != best.metric:
        return False
    return found.value > best.value if higher_is_better(found.metric) else found.value < best.value


def _position(work: _Work) -> tuple[str, str]:
    if work.at is None:
        return "", ""
    metric = deciding(work.at.metrics)
    shown = f"{metric} {work.at.metrics[metric]:.4f}" if metric else ""
    return f"epoch {work.at.epoch}/{work.at.epochs}", shown


def span(seconds: float) -> str:
    """A time in words: 42 s, 3 min 20 s, 5 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
