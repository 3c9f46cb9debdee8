"""Drives an engine without a sweep, as a program: `engine_drive.py ENGINE FOLDER`; prints what happened as JSON.

Some jobs are done, one fails, and of those that would train for ever one is killed in the middle and one cancelled.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from hybridfuse import command
from hybridfuse.description import Description
from hybridfuse.main import conf_directory
from hybridfuse.run import described
from hybridfuse.sweep.basic import BasicEngine
from hybridfuse.sweep.cluster_launchers import Ray, Slurm
from hybridfuse.sweep.engine import Ended, Engine, Event, Job, Progressed
from hybridfuse.sweep.launcher_base import EngineLauncher
from hybridfuse.sweep.launchers import Basic, Pool

QUICK = ["data=iris", "trainer=quick", "logger=none", "callbacks=minimal", "device=cpu"]
DONE, FAILS, KILLED, CANCELLED, LOST = range(5)
ENDLESS = ["trainer.max_epochs=100000", "callbacks.early_stopping=null"]
WORDS = {
    DONE: ["seed=1"],
    FAILS: ["data=csv", "data.path=nowhere.csv", "data.target=x"],
    KILLED: [*ENDLESS, "seed=2"],
    CANCELLED: [*ENDLESS, "seed=3"],
    LOST: [*ENDLESS, "seed=4"],
}
"""What is asked for by each job; LOST is of an engine with workers, of which its own is killed."""
LAUNCHERS: dict[str, Callable[[], EngineLauncher]] = {
    "basic": Basic,
    "pool": lambda: Pool(workers=2),
    "ray": lambda: Ray(address="local", workers=2),
    "slurm": lambda: Slurm(cluster="local", workers=4),
    "debug": lambda: Slurm(cluster="debug"),
}
JOBS = {
    "basic": (DONE, FAILS),
    "debug": (DONE, FAILS),
    "ray": (DONE, FAILS, KILLED, CANCELLED, LOST),
}
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
EVERY = (DONE, FAILS, KILLED, CANCELLED)


def description(folder: Path, *words: str) -> Description:
    config = command.composed(conf_directory(), [*QUICK, f"runs={folder}/runs", *words])
    HydraConfig.instance().set_config(config)
    return described(OmegaConf.masked_copy(config, [key for key in config if key != "hydra"]))


def events(engine: Engine, jobs: list[Job], seconds: float = 300) -> Iterator[Event]:
    """Runs jobs as a sweep does."""
    waiting, running = list(jobs), set()
    deadline = time.monotonic() + seconds
    while waiting or running:
        while waiting and engine.free > 0:
            running.add(waiting[0].number)
            engine.submit(waiting.pop(0))
        for event in engine.events(0.25):
            running -= {event.number} if isinstance(event, Ended) else set()
            yield event
        if time.monotonic() > deadline:
            raise TimeoutError(f"still at work: {running}")


def process(job: Job) -> int:
    """The process that a job's record names."""
    return json.loads((job.description.folder / "record.json").read_text())["process"]["id"]


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def hit(engine: Engine, job: Job) -> None:
    """What a job meets with in its third epoch."""
    if job.number == KILLED:
        os.kill(process(job), signal.SIGKILL)
    elif job.number == LOST:
        os.kill(parent(process(job)), signal.SIGKILL)
    elif job.number == CANCELLED:
        engine.cancel(job.number)
        engine.cancel(job.number)  # as a sweep does, as long as it lasts


def reachable() -> list[str]:
    """Addresses at which this process and those below it listen to the network, as the kernel writes them."""
    parents = {int(path.name): parent(int(path.name)) for path in Path("/proc").glob("[0-9]*") if alive(int(path.name))}
    ours = {os.getpid()}
    while below := {process for process, its in parents.items() if its in ours} - ours:
        ours |= below
    sockets = set()
    for process in ours:
        for link in Path(f"/proc/{process}/fd").glob("*"):
            with suppress(OSError):
                sockets.add(os.readlink(link))
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    listening = [line[1].partition(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    return [address for address in listening if address not in LOOPBACK]


def alive(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def main(name: str, folder: Path) -> None:
    jobs = [Job(number, description(folder, *WORDS[number])) for number in JOBS.get(name, EVERY)]
    heard: list[tuple[str, int, object]] = []
    processes: list[int] = []
    open_to_all: list[str] = []
    with LAUNCHERS[name]().open(jobs) as engine:
        assert isinstance(engine, BasicEngine) == (name == "basic")
        for event in events(engine, jobs):
            said = event.epoch if isinstance(event, Progressed) else getattr(event, "outcome", None)
            heard.append((type(event).__name__, event.number, said))
            if isinstance(event, Ended):
                heard.append(("sentence", event.number, event.sentence))
            elif isinstance(event, Progressed) and event.epoch == 3 and name not in ("basic", "debug"):
                job = next(job for job in jobs if job.number == event.number)
                processes += [process(job), parent(process(job))]
                open_to_all += reachable()
                hit(engine, job)
    time.sleep(1)
    left = [number for number in processes if alive(number) and number != os.getpid()]
    folders = {job.number: str(job.description.folder) for job in jobs}
    print(json.dumps({"heard": heard, "folders": folders, "left": left, "open": open_to_all}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
