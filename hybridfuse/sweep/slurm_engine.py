"""Jobs as array jobs of SLURM, submitted and watched by way of files that all nodes share."""

import json
import logging
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from hybridfuse.command import CommandError
from hybridfuse.record import Record, write_atomically
from hybridfuse.sweep.engine import Ended, Engine, Event, Job
from hybridfuse.sweep.portable import needed, portable
from hybridfuse.sweep.slurm_files import last_words, sentence, shared_folder, ticket
from hybridfuse.sweep.slurm_queue import ProcessQueue, Queue, SlurmQueue
from hybridfuse.sweep.slurm_task import Left, Log, SlurmTask

_LARGEST = 1000
"""Jobs in an array; SLURM's own default is at most 1001."""
_AGAIN = 30.0
"""Seconds until an array that SLURM had no room for is submitted again."""
_LEAVING = 45.0
"""Seconds that a cancelled job has to end, of which SLURM gives it 30."""


@dataclass
class _Running:
    """A job that submitit has.

    Args:
        job: of the sweep.
        submitted: submitit's.
        log: what it reports.
        adopted: whether an earlier process submitted it.
        deadline: when it is given up, if it was cancelled.
    """

    job: Job
    submitted: Any
    log: Log
    adopted: bool = False
    deadline: float | None = None


class SlurmEngine(Engine):
    """Array jobs of SLURM, as submitit submits them; what has become of one, its log and its record say.

    Submitted jobs outlive this process if it is killed. The next one finds those that still wait or run by the tickets
    that lie beside submitit's own files, and goes on with them.

    Args:
        cluster: `slurm`; `local` for processes of this machine, `debug` for this process.
        workers: jobs submitted at once.
        requeues: how often a job may use up its time and go on.
        parameters: of submitit.

    Raises:
        CommandError: if submitit is not installed, or there is no SLURM.
    """

    def __init__(self, cluster: str, workers: int, requeues: int, parameters: Mapping[str, Any]) -> None:
        self._submitit = needed("submitit", "slurm")
        logging.getLogger("submitit").setLevel(logging.CRITICAL)
        self._cluster, self._workers, self._requeues = cluster, workers, requeues
        self._parameters = parameters
        self._queue: Queue = SlurmQueue() if cluster == "slurm" else ProcessQueue()
        self._waiting: list[tuple[Job, Log]] = []
        self._running: dict[int, _Running] = {}
        self._dropped: list[int] = []
        self._litter: list[Path] = []
        self._submit_after = self._look_after = 0.0

    @property
    def free(self) -> int:
        return self._workers - len(self._waiting) - len(self._running)

    def submit(self, job: Job) -> None:
        job = portable(job)
        folder = shared_folder(job)
        folder.mkdir(exist_ok=True)
        if (adopted := self._adopted(job)) is not None:
            self._running[job.number] = adopted
        else:
            self._waiting.append((job, Log(folder / f"{job.description.digest[:10]}-{uuid4().hex[:8]}.events")))

    def events(self, timeout: float) -> Sequence[Event]:
        if self._dropped:
            return [Ended(self._dropped.pop(), "interrupted", "interrupted") for _ in list(self._dropped)]
        now = time.monotonic()
        if self._waiting and now >= self._submit_after:
            self._submit_waiting()
        if now + timeout < self._look_after:
            time.sleep(timeout)
            return []
        time.sleep(max(self._look_after - now, 0.0))
        over = self._queue.over({number: running.submitted for number, running in self._running.items()})
        found = [event for number in list(self._running) for event in self._heard(number, number in over)]
        self._look_after = time.monotonic() + self._queue.interval
        return found

    def cancel(self, number: int) -> None:
        for job, log in self._waiting:
            if job.number == number:
                self._waiting.remove((job, log))
                self._dropped.append(number)
                return
        running = self._running.get(number)
        if running is not None and running.deadline is None:
            running.deadline = time.monotonic() + _LEAVING
            self._queue.cancel(running.submitted)

    def close(self) -> None:
        for number in list(self._running):
            self.cancel(number)
        self._waiting.clear()
        self._queue.end([running.submitted for running in self._running.values()])
        self._running.clear()
        for path in self._litter:
            path.unlink(missing_ok=True)

    def _submit_waiting(self) -> None:
        """Submits what waits as one array; if SLURM has no room for more just now, later."""
        batch, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
        tasks = [SlurmTask(job, os.getcwd(), log.path) for job, log in batch]
        try:
            executor = self._executor(shared_folder(batch[0][0]))
            with executor.batch():
                submitted = [executor.submit(task) for task in tasks]
        except (RuntimeError, subprocess.SubprocessError) as error:
            if not self._running:
                raise CommandError(f"the jobs could not be submitted: {sentence(error)}") from error
            self._waiting = batch + self._waiting
            self._submit_after = time.monotonic() + _AGAIN
            return
        for (job, log), its in zip(batch, submitted, strict=True):
            self._running[job.number] = _Running(job, its, log)
            with suppress(OSError):  # what is lost is but to know it again
                write_atomically(ticket(job), json.dumps({"id": its.job_id, "log": log.path.name}))

    def _executor(self, folder: Path) -> Any:
        try:
            executor = self._submitit.AutoExecutor(
                str(folder), cluster=self._cluster, slurm_max_num_timeout=self._requeues
            )
            executor.update_parameters(**self._parameters)
        except (RuntimeError, AssertionError, NameError, ValueError) as error:
            raise CommandError(f"hydra/launcher=slurm cannot be used: {sentence(error)}") from error
        return executor

    def _adopted(self, job: Job) -> _Running | None:
        """The same job, if it was submitted before and still waits or runs."""
        try:
            found = json.loads(ticket(job).read_text(encoding="utf-8"))
            identifier, log = str(found["id"]), Log(shared_folder(job) / str(found["log"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not self._queue.has(identifier):
            return None
        return _Running(job, self._submitit.SlurmJob(str(shared_folder(job)), identifier), log, adopted=True)

    def _heard(self, number: int, over: bool) -> Iterator[Event]:
        """What a job reports, with its end if it has one."""
        running = self._running[number]
        for event in running.log.read():
            if isinstance(event, Left):
                over = over or running.deadline is not None
            elif isinstance(event, Ended):
                yield self._ended(running, replace(event, number=number))
                return
            else:
                yield replace(event, number=number)
        if over or (running.deadline is not None and time.monotonic() > running.deadline):
            yield self._ended(running, self._without_word(running))

    def _without_word(self, running: _Running) -> Ended:
        """The end of a job that has not told of any."""
        number, description = running.job.number, running.job.description
        if not description.plain["force"] and (Record(description).earlier() or {}).get("status") == "done":
            return Ended(number, "done")
        if running.deadline is not None:
            return Ended(number, "interrupted", "interrupted")
        return Ended(number, "interrupted", f"killed, {last_words(running.submitted.paths.stderr)}")

    def _ended(self, running: _Running, ended: Ended) -> Ended:
        job, paths = running.job, running.submitted.paths
        del self._running[job.number]
        if ended.outcome == "done":
            self._litter += [paths.submitted_pickle, paths.result_pickle]
        for path in (running.log.path, ticket(job)):
            path.unlink(missing_ok=True)
        if running.adopted and running.deadline is None and ended.outcome == "interrupted":
            return replace(ended, outcome="elsewhere")  # another process that is at this sweep has cancelled it
        return ended
