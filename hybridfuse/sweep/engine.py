"""What a sweep asks of the place where its jobs run, and what it hears from there. Free of torch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hybridfuse.description import Description

Outcome = Literal["done", "failed", "interrupted", "pruned", "elsewhere"]
"""How a job ended; pruned: a search gave it up; elsewhere: another process is at it, here nothing was done."""


class Job(NamedTuple):
    """One run of a sweep.

    Args:
        number: what events call it by; an engine never has two of one number.
        description: what is run.
        patience: seconds to wait for another process that holds the run, but does not answer any more.
    """

    number: int
    description: Description
    patience: float = 0.0


@dataclass(frozen=True)
class Started:
    """A job has begun to read its data, or to train."""

    number: int


@dataclass(frozen=True)
class Progressed:
    """A job has finished an epoch, counted from 1, of so many at most; `metrics` are those on validation so far."""

    number: int
    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Ended:
    """A job is over.

    Args:
        number: of the job.
        outcome: how it ended.
        sentence: why, where it is not done.
    """

    number: int
    outcome: Outcome
    sentence: str = ""


Event = Started | Progressed | Ended


class Engine(ABC):
    """Runs jobs side by side; open it in a `with`, which ends whatever still runs."""

    @property
    @abstractmethod
    def free(self) -> int:
        """How many jobs could be submitted now and would run at once."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Takes a job on; it will come back as exactly one `Ended`."""

    @abstractmethod
    def events(self, timeout: float) -> Sequence[Event]:
        """What happened since the last call; waits for something to happen, but not longer than so many seconds."""

    @abstractmethod
    def cancel(self, number: int) -> None:
        """Asks a job to end: it may finish its batch and its record, and is killed if it does not within seconds."""

    @abstractmethod
    def close(self) -> None:
        """Ends all that still runs, and whatever the engine has started."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
