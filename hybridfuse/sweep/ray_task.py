"""What runs on a Ray cluster: the jobs, each in a process of its own below a worker, and the box of their events."""

import asyncio
import os
import signal
import threading
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from hybridfuse.sweep.cause import cause
from hybridfuse.sweep.engine import Ended, Event, Job, Started
from hybridfuse.sweep.job import run_job
from hybridfuse.sweep.nursery import start
from hybridfuse.sweep.orphan import kill_group
from hybridfuse.sweep.portable import arrived

_TICK = 0.2


class Place(NamedTuple):
    """Where a job would run if it ran at home: its folder, and variables of the environment to be set."""

    directory: str
    environment: Mapping[str, str]


class Inbox:
    """Events on their way to the sweep: an actor of Ray."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._filled = asyncio.Event()

    async def put(self, event: Event) -> None:
        """Takes an event."""
        self._events.append(event)
        self._filled.set()

    async def take(self) -> list[Event]:
        """All events since the last call, at least one."""
        await self._filled.wait()
        self._filled.clear()
        events, self._events = self._events, []
        return events


def run_below(job: Job, inbox: Any, place: Place) -> Ended:
    """Runs a job in a fork of this worker, which imports once and then serves many jobs.

    As in the pool, nothing that a job does or leaves behind reaches another one, memory of a GPU included. Ray cancels
    a task by what Python takes for Ctrl-C; the job is then asked to end, and the worker waits for it.
    """
    asked = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: asked.set())
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the job takes its own once it is ready to
    try:
        torch, _ = import_module("torch"), import_module("hybridfuse.training")
        torch.set_num_threads(1)
        inbox.put.remote(Started(job.number))
        receiver, sender = Pipe(duplex=False)
        process = start(_run, job, place, sender)
        sender.close()
        try:
            return _relayed(process, receiver, asked, inbox) or Ended(job.number, "interrupted", _cause(process))
        finally:
            kill_group(process.pid or 0)
            receiver.close()
    finally:
        signal.signal(signal.SIGINT, before)


def _relayed(process: BaseProcess, receiver: Connection, asked: threading.Event, inbox: Any) -> Ended | None:
    """Hands on what a job reports until it has ended; None if it has not said how."""
    while True:
        gone = process.sentinel in wait([receiver, process.sentinel], _TICK)
        while receiver.poll():
            try:
                event: Event = receiver.recv()
            except EOFError:
                gone = True
                break
            if isinstance(event, Ended):
                process.join()
                return event
            inbox.put.remote(event)
        if gone:
            return None
        if asked.is_set():
            asked.clear()
            os.kill(process.pid or 0, signal.SIGINT)


def _cause(process: BaseProcess) -> str:
    process.join()
    return cause(process.exitcode or 0)


def _run(job: Job, place: Place, messages: Connection) -> None:
    os.setpgid(0, 0)  # so that it is killed as a whole
    os.environ.update(place.environment)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        ended = arrived(job, place.directory) or run_job(job, messages.send)
    except KeyboardInterrupt:
        ended = Ended(job.number, "interrupted", "interrupted")
    messages.send(ended)
