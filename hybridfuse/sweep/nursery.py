"""The processes of the pool: one that has imported everything, below it one for each data set, below that the jobs.

    parent (shows and decides, imports nothing heavy)
    └── nursery (has imported torch; has run nothing of it)
        └── loader (has read the data of some jobs)
            ├── job
            └── job

Each job is a fork of its own: nothing that it does or leaves behind reaches another one, imports and data are had for
nothing, and every job starts from the same state. Forking is safe here, since above the jobs there is never a thread
of torch nor a context of CUDA.
"""

import contextlib
import gc
import importlib
import multiprocessing
import os
import pkgutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from hybridfuse.record import surroundings
from hybridfuse.sweep import output
from hybridfuse.sweep.engine import Ended, Event, Job
from hybridfuse.sweep.job import run_job
from hybridfuse.sweep.orphan import die_with, kill_group

_FORK: Any = multiprocessing.get_context("fork") if hasattr(os, "fork") else None
_PACKAGES = tuple(f"hybridfuse.{name}" for name in ("callbacks", "data", "fusion", "interdependence", "model"))
_LONGEST = 1000
"""Characters of a sentence: what is written at once into a pipe that many share is never torn."""


class Order(NamedTuple):
    """A job to be run.

    Args:
        ticket: what messages call it by; every order has another one.
        loader: which loader is to run it.
        job: what to run.
        environment: variables of its own, such as the GPU that it may use.
    """

    ticket: int
    loader: int
    job: Job
    environment: Mapping[str, str]


class NoMore(NamedTuple):
    """A loader gets no more orders."""

    loader: int


class InProcess(NamedTuple):
    """The process that an order is in: its own, or while its data are read, the loader."""

    ticket: int
    pid: int
    own: bool


class Said(NamedTuple):
    """What the job of an order tells."""

    ticket: int
    event: Event


class Exited(NamedTuple):
    """The process of an order is gone."""

    ticket: int
    code: int


class LoaderExited(NamedTuple):
    """A loader is gone, and all orders that it had with it."""

    loader: int
    code: int


Message = InProcess | Said | Exited | LoaderExited


def start(run: Callable[..., None], *arguments: object) -> BaseProcess:
    """A forked process that ends with this one."""
    process: BaseProcess = _FORK.Process(target=_begin, args=(os.getpid(), run, *arguments))
    process.start()
    return process


def _begin(parent: int, run: Callable[..., None], *arguments: object) -> None:
    die_with(parent)
    run(*arguments)


def nursery(orders: Connection, messages: Connection) -> None:
    """Imports, then hands each order on to its loader, which it starts if there has been none of that number."""
    os.setpgid(0, 0)  # Ctrl-C is for the parent, which asks its jobs to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import torch

    torch.set_num_threads(1)
    _prepare()
    loaders: dict[int, tuple[BaseProcess, Connection]] = {}
    gone: dict[int, int] = {}
    while True:
        ready = wait([orders, *(process.sentinel for process, _ in loaders.values())])
        for number, (process, _) in list(loaders.items()):
            if process.sentinel in ready:
                process.join()
                gone[number] = process.exitcode or 0
                messages.send(LoaderExited(number, gone[number]))
                del loaders[number]
        if orders in ready:
            order: Order | NoMore = orders.recv()
            if isinstance(order, Order) and order.loader in gone:
                messages.send(Exited(order.ticket, gone[order.loader]))
                continue
            if isinstance(order, Order) and order.loader not in loaders:
                loaders[order.loader] = _loader(order.job, messages)
            if order.loader in loaders:
                _hand_on(order, *loaders[order.loader], messages)


def _prepare() -> None:
    """Has done what every job would do first, and leaves it out of garbage collection, which would copy its pages."""
    for package in ("hybridfuse.training", *_PACKAGES):
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{package}."):
            importlib.import_module(found.name)
    surroundings()
    gc.collect()
    gc.freeze()


def _loader(job: Job, messages: Connection) -> tuple[BaseProcess, Connection]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = start(loader, job, receiver, messages)
    receiver.close()
    return process, sender


def _hand_on(order: Order | NoMore, process: BaseProcess, sender: Connection, messages: Connection) -> None:
    if isinstance(order, Order):
        messages.send(InProcess(order.ticket, process.pid or 0, own=False))
    with contextlib.suppress(OSError):  # it is gone, as the next round will find
        sender.send(order)


def loader(first: Job, orders: Connection, messages: Connection) -> None:
    """Reads the data of a job, then forks a process for it and for each that follows, until there are no more."""
    data = read(first)
    jobs: dict[int, BaseProcess] = {}
    more = True
    while more or jobs:
        ready = wait([orders, *(process.sentinel for process in jobs.values())])
        for ticket, process in list(jobs.items()):
            if process.sentinel in ready:
                kill_group(process.pid or 0)  # what it has started; until it is joined its number is no one else's
                process.join()
                messages.send(Exited(ticket, process.exitcode or 0))
                del jobs[ticket]
        if orders in ready:
            order: Order | NoMore = orders.recv()
            if isinstance(order, NoMore):
                more = False
                continue
            process = start(_job, order, data, messages)
            jobs[order.ticket] = process
            messages.send(InProcess(order.ticket, process.pid or 0, own=True))


def read(job: Job) -> object:
    """The data of a job ready for training; None if they cannot be read, which the job will find, and say."""
    from hybridfuse import training

    try:
        return training.read(job.description.config)
    except (Exception, SystemExit):
        return None


def _job(order: Order, data: object, messages: Connection) -> None:
    os.setpgid(0, 0)  # so that it is killed as a whole
    os.environ.update(order.environment)
    folder = order.job.description.folder
    with contextlib.suppress(OSError):  # where nothing can be written, the job says so itself
        output.redirect(folder)

    def report(event: Event) -> None:
        if isinstance(event, Ended):
            event = replace(event, sentence=event.sentence[:_LONGEST])
        messages.send(Said(order.ticket, event))

    ended = run_job(order.job, report, data)
    output.keep(folder)
    report(ended)
