"""Jobs as tasks of a Ray cluster, or of one that is started on this machine for as long as the sweep lasts."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from hybridfuse.command import CommandError
from hybridfuse.sweep.engine import Ended, Engine, Event, Job
from hybridfuse.sweep.portable import portable
from hybridfuse.sweep.ray_cluster import connect, gpus_of_a_job, imported
from hybridfuse.sweep.ray_task import Inbox, Place, run_below

GRACE = 15.0
"""Seconds that a cancelled job has for its last batch and its record."""
_CENSUS = 5.0
"""Seconds between two looks at the nodes that there are."""


class Share(NamedTuple):
    """What one job has of a node: cores, and GPUs or a part of one; None: a GPU if the cluster has any."""

    cpus: float
    gpus: float | None


@dataclass
class _Running:
    task: Any
    deadline: float | None = None


class RayEngine(Engine):
    """Tasks of Ray, which starts them where there is room; a lost worker costs its own job alone.

    Args:
        address: of a cluster, `auto` for one of this machine; `local` to start one.
        share: what a job has of a node.
        workers: jobs at once; None: as many as the nodes have room for, new ones included.
        cores: of a cluster that is started.

    Raises:
        CommandError: if Ray is not installed, no cluster answers, or no node has room for a job.
    """

    def __init__(self, address: str, share: Share, workers: int | None, cores: int) -> None:
        self._workers = workers
        self._room, self._counted = 0, -_CENSUS
        self._running: dict[int, _Running] = {}
        self._ray = imported(address)
        self._own = not self._ray.is_initialized()
        if self._own:
            connect(self._ray, address, cores)
        cpus, gpus = share.cpus, gpus_of_a_job(self._ray) if share.gpus is None else share.gpus
        self._asked = {"CPU": cpus, "GPU": gpus}
        self._place = Place(os.getcwd(), {} if gpus else {"CUDA_VISIBLE_DEVICES": ""})
        # Memory of a GPU goes with the job's own process, so that the worker may stay.
        self._task = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0, max_calls=0)(run_below)
        self._inbox = self._ray.remote(num_cpus=0, max_restarts=-1)(Inbox).remote()
        self._box = self._inbox.take.remote()
        try:
            self._check_room()
        except CommandError:
            self.close()
            raise

    @property
    def free(self) -> int:
        if time.monotonic() > self._counted + _CENSUS:
            self._counted = time.monotonic()
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            self._room = sum(_room(node, self._asked) for node in nodes)
        return (self._workers or max(self._room, 1)) - len(self._running)

    def submit(self, job: Job) -> None:
        self._running[job.number] = _Running(self._task.remote(portable(job), self._inbox, self._place))

    def events(self, timeout: float) -> Sequence[Event]:
        self._kill_overdue()
        awaited = [self._box, *(running.task for running in self._running.values())]
        self._ray.wait(awaited, num_returns=1, timeout=timeout)
        ready, _ = self._ray.wait(awaited, num_returns=len(awaited), timeout=0)
        found: list[Event] = []
        if self._box in ready:
            with suppress(self._ray.exceptions.RayError):  # its node is lost, and some events with it; it starts anew
                found += [event for event in self._ray.get(self._box) if event.number in self._running]
            self._box = self._inbox.take.remote()
        ended = [number for number, running in self._running.items() if running.task in ready]
        return [*found, *(self._ended(number) for number in ended)]

    def cancel(self, number: int) -> None:
        running = self._running.get(number)
        if running is not None and running.deadline is None:
            running.deadline = time.monotonic() + GRACE
            self._ray.cancel(running.task, force=False, recursive=False)

    def close(self) -> None:
        if not self._ray.is_initialized():
            return
        for running in self._running.values():
            self._ray.cancel(running.task, force=True)
        self._running.clear()
        if self._own:
            self._ray.shutdown()
        else:
            self._ray.kill(self._inbox)

    def _ended(self, number: int) -> Ended:
        """How a task ended that said so, or was lost."""
        task = self._running.pop(number).task
        errors = self._ray.exceptions
        try:
            return self._ray.get(task)
        except errors.TaskCancelledError:
            return Ended(number, "interrupted", "interrupted")
        except errors.OutOfMemoryError:
            return Ended(number, "interrupted", "killed by Ray for want of memory")
        except errors.RayTaskError as error:
            return Ended(number, "failed", str(error).strip().splitlines()[-1])
        except errors.RayError as error:
            return Ended(number, "interrupted", f"killed, Ray has lost its worker ({type(error).__name__})")

    def _kill_overdue(self) -> None:
        for running in self._running.values():
            if running.deadline is not None and time.monotonic() > running.deadline:
                running.deadline = float("inf")
                self._ray.cancel(running.task, force=True)

    def _check_room(self) -> None:
        if self.free > 0 and (self._room or self._workers):
            return
        raise CommandError(
            f"no node of the Ray cluster has room for a job of {self._asked['CPU']:g} cores and {self._asked['GPU']:g} "
            "GPUs; for a cluster that grows when it is asked to, set hydra.launcher.workers."
        )


def _room(resources: Mapping[str, float], asked: Mapping[str, float]) -> int:
    """Jobs that a node has room for."""
    # Ten tenths are a whole, though floating point may not say so.
    return min(int(resources.get(name, 0) / amount + 1e-9) for name, amount in asked.items() if amount)
