"""One trial of a search: the same configuration with every seed. Free of torch, and of Optuna."""

import math
from collections import deque
from collections.abc import Iterable
from statistics import fmean
from typing import NamedTuple

from hybridfuse.sweep.engine import Job, Progressed

_PHASE = 1_000_000
"""Steps of a trial between the ends of two of its replicates; more than a run has epochs."""
_SPARED, _LOOKS = 0.25, 10
"""Share of the epochs before anything is judged, and how many times a run is long as from one look to the next."""


class Standing(NamedTuple):
    """How good a trial is so far.

    Args:
        step: where it is; trials are compared at the same step, where as many of their replicates are done, and the
            others are as far.
        value: mean over the replicates, of the best epoch so far where one is not done.
    """

    step: int
    value: float


class Replicates:
    """The jobs of a trial, handed out one by one.

    Args:
        jobs: one a seed; of their values the largest is the best.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._waiting = deque(jobs)
        self._count = len(self._waiting)
        self._values: dict[int, float] = {}
        self._curves: dict[int, dict[int, float]] = {}
        self._step = 0

    def next(self) -> Job | None:
        """The next job to begin; None if all have begun."""
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        self._curves[job.number] = {}
        return job

    def progressed(self, event: Progressed, value: float) -> Standing | None:
        """Takes in what a job has reached; how the trial stands, if that is to be judged now."""
        curve = self._curves[event.number]
        curve[event.epoch] = self._best(curve, value)
        running = [curve for number, curve in self._curves.items() if number not in self._values]
        epoch = min((next(reversed(curve), 0) for curve in running), default=0)
        step = len(self._values) * _PHASE + epoch
        if step <= self._step or not _is_judged(epoch, event.epochs) or any(epoch not in curve for curve in running):
            return None
        self._step = step
        return Standing(step, fmean([*self._values.values(), *(curve[epoch] for curve in running)]))

    def done(self, number: int, value: float) -> float | None:
        """Takes in the value of a job that is done; that of the trial, the mean, if all are."""
        self._values[number] = value
        return fmean(self._values.values()) if len(self._values) == self._count else None

    def _best(self, curve: dict[int, float], value: float) -> float:
        """The best of a value and the one before it, of which one may be no number."""
        before = next(reversed(curve.values()), math.nan)
        return value if math.isnan(before) else max(before, value)  # which keeps the first beside no number


def _is_judged(epoch: int, epochs: int) -> bool:
    return epoch >= max(_SPARED * epochs, 1) and epoch % max(epochs // _LOOKS, 1) == 0
