"""What runs in a job of SLURM, and the file by which it tells the sweep how it gets on."""

import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from hybridfuse.claim import LEASE
from hybridfuse.sweep.engine import Ended, Event, Job, Progressed, Started
from hybridfuse.sweep.job import run_job
from hybridfuse.sweep.portable import arrived


@dataclass(frozen=True)
class Left:
    """A job was told to leave its node: it was cancelled, or is to go on elsewhere."""

    number: int


_KINDS = {kind.__name__: kind for kind in (Started, Progressed, Ended, Left)}


class Log:
    """Events of one job as lines of a file, written on one machine and read on another.

    Args:
        path: of the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def write(self, event: Event | Left) -> None:
        """Adds an event; closes the file, whereupon shared disks pass it on. A full disk costs the line alone."""
        with suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([type(event).__name__, asdict(event)]) + "\n")

    def read(self) -> list[Event | Left]:
        """What was added since the last call."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                lines = file.read().splitlines(keepends=True)
        except OSError:
            return []
        whole = [line for line in lines if line.endswith(b"\n")]
        self._read += sum(map(len, whole))
        return [event for line in whole if (event := _event(line)) is not None]


class SlurmTask:
    """A job for submitit, to be called on some node.

    Before its time is up, or to make room for others, SLURM sends the signal that submitit asks it for. The job then
    ends after its batch, gives back its folder, and is queued again; there it goes on from its last checkpoint.

    Args:
        job: what to run.
        directory: the folder that names in it are relative to.
        log: path of the file that it reports to.
    """

    def __init__(self, job: Job, directory: str, log: Path) -> None:
        self._job, self._directory, self._log = job, directory, log
        self._caught: list[int] = []

    def __call__(self) -> None:
        """Runs the job."""
        preemption = getattr(signal, "SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2"))
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, preemption)}
        log = Log(self._log)
        log.write(Started(self._job.number))
        ended = self._run(log)
        for number, handler in before.items():
            signal.signal(number, handler)
        if ended.outcome == "interrupted" and self._caught:
            ended = self._leave(preemption, ended)
        log.write(ended)

    def checkpoint(self) -> Any:
        """What submitit queues again: the same."""
        Log(self._log).write(Left(self._job.number))
        return import_module("submitit.helpers").DelayedSubmission(SlurmTask(self._job, self._directory, self._log))

    def _run(self, log: Log) -> Ended:
        # Of a node that broke down, the lease is left.
        patience = 2 * LEASE if int(os.environ.get("SLURM_RESTART_COUNT", 0)) else 0.0
        job = self._job._replace(patience=max(self._job.patience, patience))
        try:
            return arrived(job, self._directory) or run_job(job, log.write)
        except KeyboardInterrupt:
            return Ended(job.number, "interrupted", "interrupted")

    def _ask(self, number: int, frame: FrameType | None) -> None:
        """Has the job end as after Ctrl-C."""
        self._caught.append(number)
        if len(self._caught) == 1:
            signal.raise_signal(signal.SIGINT)

    def _leave(self, preemption: int, ended: Ended) -> Ended:
        """Ends this process without a result; the end of the job, if it may not be queued again."""
        if preemption not in self._caught:  # whether the job is over, or begins again, SLURM knows
            Log(self._log).write(Left(self._job.number))
            raise SystemExit(128 + self._caught[0])
        try:
            signal.raise_signal(preemption)  # submitit's part; it ends this process
        except Exception as error:  # SLURM refused, or it was the last time
            return Ended(self._job.number, "interrupted", str(error))
        return ended


def _event(line: bytes) -> Event | Left | None:
    """The event of a line; None if it cannot be read, as after a disk was full."""
    try:
        kind, fields = json.loads(line)
        return _KINDS[kind](**fields)
    except (ValueError, KeyError, TypeError):
        return None
