"""Jobs as processes of this machine, as many at once as it has cores for. Free of torch."""

import itertools
import json
import multiprocessing
import os
import signal
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait

from hybridfuse.sweep.cause import cause
from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Started
from hybridfuse.sweep.nursery import Exited, InProcess, LoaderExited, Message, NoMore, Order, nursery, start
from hybridfuse.sweep.orphan import kill_group

GRACE = 10.0
"""Seconds that a cancelled job has for its last batch and its record."""
_SPARE_LOADERS = 2
"""Data sets kept ready though no job of theirs runs."""


@dataclass
class _Running:
    """A job at work.

    Args:
        job: its number.
        slot: which of the places for jobs it has.
        loader: that has its data.
        pid: the process that it is in, once there is one.
        own: whether that is a process of its own.
        ended: what it said of its end.
        deadline: when it is killed, if it was cancelled.
        asked: whether its process was asked to end.
    """

    job: int
    slot: int
    loader: int
    pid: int | None = None
    own: bool = False
    ended: Ended | None = None
    deadline: float | None = None
    asked: bool = False


class PoolEngine(Engine):
    """Forked processes on `workers` places, spread over some GPUs.

    Args:
        workers: jobs at once.
        gpus: the GPUs, as CUDA numbers them; each place sees one of them alone. None where none is used.
    """

    def __init__(self, workers: int, gpus: Sequence[str] = ()) -> None:
        self._workers, self._gpus = workers, tuple(gpus)
        self._running: dict[int, _Running] = {}
        self._loaders: OrderedDict[str, int] = OrderedDict()
        self._numbers = itertools.count()
        self._open()

    def _open(self) -> None:
        receiver, self._orders = multiprocessing.Pipe(duplex=False)
        self._messages, sender = multiprocessing.Pipe(duplex=False)
        self._nursery = start(nursery, receiver, sender)
        receiver.close()
        sender.close()

    @property
    def free(self) -> int:
        return self._workers - len(self._running)

    def submit(self, job: Job) -> None:
        slot = min(set(range(self._workers)) - {running.slot for running in self._running.values()})
        key, ticket = _data_key(job), next(self._numbers)
        loader = self._loaders.setdefault(key, next(self._numbers))
        self._loaders.move_to_end(key)
        self._running[ticket] = _Running(job.number, slot, loader)
        environment = {"CUDA_VISIBLE_DEVICES": self._gpus[slot % len(self._gpus)]} if self._gpus else {}
        self._send(Order(ticket, loader, job, environment))
        self._close_spare_loaders()

    def events(self, timeout: float) -> Sequence[Event]:
        self._kill_overdue()
        found: list[Event] = []
        while wait([self._messages], 0.0 if found else timeout):
            try:
                message: Message = self._messages.recv()
            except EOFError:
                return [*found, *self._all_lost()]
            found += self._heard(message)
        return found

    def cancel(self, number: int) -> None:
        for running in self._running.values():
            if running.job == number:
                self._cancel(running)

    def close(self) -> None:
        for running in self._running.values():
            if running.own and running.pid is not None:
                kill_group(running.pid)
        if self._nursery.is_alive():
            self._nursery.kill()  # what it has started goes with it
        self._nursery.join()
        self._orders.close()
        self._messages.close()

    def _send(self, order: Order | NoMore) -> None:
        with suppress(OSError):  # the nursery is gone, as `events` will find
            self._orders.send(order)

    def _heard(self, message: Message) -> list[Event]:
        if isinstance(message, LoaderExited):
            return self._loader_exited(message)
        running = self._running.get(message.ticket)
        if running is None:  # it went with its loader
            return []
        if isinstance(message, InProcess):
            return self._in_process(running, message)
        if isinstance(message, Exited):
            return self._exited(message)
        if isinstance(message.event, Ended):
            running.ended = message.event  # it counts once the process is gone
            return []
        return [message.event]

    def _in_process(self, running: _Running, message: InProcess) -> list[Event]:
        running.pid, running.own = message.pid, message.own
        if message.own and running.deadline is not None:  # cancelled before it had a process
            self._cancel(running)
        return [] if message.own else [Started(running.job)]

    def _exited(self, message: Exited) -> list[Event]:
        running = self._running.pop(message.ticket)
        was_read_in_vain = running.deadline is not None and not running.own
        sentence = "cancelled before it had begun" if was_read_in_vain else cause(message.code)
        return [running.ended or Ended(running.job, "interrupted", sentence)]

    def _loader_exited(self, message: LoaderExited) -> list[Event]:
        """The jobs of a loader end with it."""
        self._loaders = OrderedDict((key, number) for key, number in self._loaders.items() if number != message.loader)
        lost = [ticket for ticket, running in self._running.items() if running.loader == message.loader]
        return [event for ticket in lost for event in self._exited(Exited(ticket, message.code))]

    def _all_lost(self) -> list[Event]:
        """The jobs of a nursery end with it; there is another one for those to come."""
        self.close()
        code = self._nursery.exitcode or 0
        self._loaders.clear()
        self._open()
        return [event for ticket in list(self._running) for event in self._exited(Exited(ticket, code))]

    def _cancel(self, running: _Running) -> None:
        running.deadline = running.deadline or time.monotonic() + GRACE
        if running.own and running.pid is not None and not running.asked:
            running.asked = True  # asked twice, it would not finish its batch
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGINT)

    def _kill_overdue(self) -> None:
        for running in self._running.values():
            if running.deadline is not None and time.monotonic() > running.deadline and running.pid is not None:
                kill_group(running.pid)
        if self._running and all(one.deadline is not None and not one.own for one in self._running.values()):
            self._nursery.kill()  # nothing trains; imports and data are waited for by nobody

    def _close_spare_loaders(self) -> None:
        used = {running.loader for running in self._running.values()}
        spare = [key for key, number in self._loaders.items() if number not in used]
        for key in spare[: max(len(spare) - _SPARE_LOADERS, 0)]:
            self._send(NoMore(self._loaders.pop(key)))


def _data_key(job: Job) -> str:
    """What tells the data of jobs apart: their configuration, splits included."""
    return json.dumps(job.description.plain["data"], sort_keys=True, default=str)
