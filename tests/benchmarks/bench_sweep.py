"""What a sweep costs beside Hydra's own launchers, and what planning and resuming cost. Nothing is asserted.

python tests/benchmarks/bench_sweep.py --seeds 5          # 100 jobs each way; some minutes
pip install hydra-joblib-launcher                         # has joblib's launcher timed, too
"""

import argparse
import contextlib
import ctypes
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(__file__).parents[2] / "train.py"
SETS = (
    "interdependence=[chain,parameterized_lowrank],[chain,cosine_similarity],"
    "[cosine_similarity,parameterized_lowrank],[chain,cosine_similarity,parameterized_lowrank]"
)
FUSIONS = "fusion=sum,max,prod,l2_norm,median"
COMMON = ["trainer.max_epochs=10", "callbacks=minimal", "logger=none", "device=cpu"]
HYDRA = """
import sys
import hydra
from hybridfuse import command
from hybridfuse.main import conf_directory
from hybridfuse.reporter import Reporter
from hybridfuse.sweep import plugins

plugins.register()

def job(config):
    from hybridfuse.run import described, run
    run(described(config), Reporter())

hydra.main(config_path=str(conf_directory()), config_name="train", **command.VERSION_BASE)(job)()
"""
BASIC = [
    *("hydra/sweeper=basic", "hydra/launcher=basic"),
    "hydra.launcher._target_=hydra._internal.core_plugins.basic_launcher.BasicLauncher",
]


_SET_CHILD_SUBREAPER = 36
PLACES = 2
"""Jobs at once, of the pool and of joblib's launcher."""


class Cost(NamedTuple):
    """When a command began and ended by the clock, its processor seconds, and the largest of its processes."""

    begin: float
    end: float
    cpu: float
    mib: float

    @property
    def wall(self) -> float:
        """Seconds that it took."""
        return self.end - self.begin


class Trained(NamedTuple):
    """What the record of a run says: seconds that data, training and test took, and when they ended by the clock."""

    seconds: float
    end: float

    @property
    def begin(self) -> float:
        """When they began."""
        return self.end - self.seconds


def cost(*command: str, cwd: str) -> Cost:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, check=False)
    end = time.time()
    with contextlib.suppress(ChildProcessError):  # there are no more
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(begin, end, cpu, after.ru_maxrss / 1024)


def trained(folder: str) -> list[Trained]:
    """The runs below a folder."""
    paths = list(Path(folder).glob("runs/*/*/record.json"))
    return [Trained(json.loads(path.read_text())["duration_s"], path.stat().st_mtime) for path in paths]


def beside(of: Cost, runs: list[Trained], places: int) -> str:
    """What a command takes beside the training of its runs.

    Between the first beginning and the last end each place is at a run or between two: that is the overhead of a run.
    In processor time it is all that is not training, as far as each run had a core for itself.
    """
    first, last = min(run.begin for run in runs), max(run.end for run in runs)
    training = sum(run.seconds for run in runs)
    between = (places * (last - first) - training) / len(runs)
    return (
        f"starts in {first - of.begin:.1f} s, ends in {of.end - last:.1f} s; beside training a run takes "
        f"{1000 * between:.0f} ms of its place, {1000 * (of.cpu - training) / len(runs):.0f} ms cpu all told"
    )


def throughput(seeds: int) -> None:
    """The same jobs each way, none of them equal to another."""
    list_of_seeds = ",".join(map(str, range(seeds)))
    jobs = 4 * 5 * seeds
    words = ["-m", SETS, FUSIONS, f"seed={list_of_seeds}", *COMMON]
    ways = {
        "pool": [str(PROGRAM), *words],
        "joblib": [
            *("-c", HYDRA, *words, "hydra/sweeper=basic", "hydra/launcher=joblib"),
            f"hydra.launcher.n_jobs={PLACES}",
        ],
        "basic": ["-c", HYDRA, *words, *BASIC, "device.threads=null"],
        "basic, one thread": ["-c", HYDRA, *words, *BASIC],
    }
    if importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None:
        del ways["joblib"]
    costs: dict[str, Cost] = {}
    for name, command in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            of = costs[name] = cost(*command, cwd=folder)
            runs = trained(folder)
        mean = sum(run.seconds for run in runs) / len(runs)
        print(
            f"{name}: {len(runs)} runs for {jobs} jobs, {of.wall:.1f} s wall, {of.cpu:.1f} s cpu, "
            f"{jobs / of.wall:.2f} jobs/s, {mean:.2f} s of a run are data, training and test",
            beside(of, runs, 1 if name.startswith("basic") else PLACES),
            sep="\n  ",
            flush=True,
        )
    for name, other in costs.items():
        wall, cpu = other.wall / costs["pool"].wall, other.cpu / costs["pool"].cpu
        print(f"pool beside {name}: x {wall:.1f} wall, x {cpu:.1f} cpu")


def planning(seeds: int) -> None:
    """A dry run of many jobs, and a finished sweep of as many, told so."""
    words = ["-m", "sweep.from=[chain,one,linear,cosine_similarity,gaussian_rbf,identity]", "sweep.sizes=[1,2,3]"]
    words += ["fusion=sum,max,prod,l2_norm,median", f"sweep.seeds={seeds}", "sweep.max_jobs=100000", *COMMON]
    with tempfile.TemporaryDirectory() as folder:
        planned = cost(str(PROGRAM), *words, "sweep.dry_run=true", cwd=folder)
        jobs = _finish(folder, words)
        resumed = cost(str(PROGRAM), *words, cwd=folder)
    print(
        f"{jobs} jobs planned in {planned.wall:.1f} s, {planned.mib:.0f} MiB; resumed, all done, {resumed.wall:.1f} s"
    )


def _finish(folder: str, words: list[str]) -> int:
    """Writes the records of all jobs of a plan as if they were done; how many they are."""
    from hybridfuse.main import conf_directory
    from hybridfuse.sweep.plan import plan

    here = os.getcwd()
    os.chdir(folder)
    made = plan(conf_directory(), words[1:])
    for job in made.jobs:
        job.folder.mkdir(parents=True)
        metrics = {"val/accuracy": 0.9, "test/accuracy": 0.9}
        record = {"status": "done", "metrics": metrics, "error": None, **job.facts, "duration_s": 1.0}
        (job.folder / "record.json").write_text(json.dumps(record))
    os.chdir(here)
    return len(made.jobs)


def adopt() -> None:
    """On Linux, has what the children of a child took counted also where that child is killed, as the pool ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)


def main() -> None:
    adopt()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="20 jobs each")
    parser.add_argument("--planned", type=int, default=60, help="seeds of the sweep that is only planned")
    given = parser.parse_args()
    planning(given.planned)
    throughput(given.seeds)


if __name__ == "__main__":
    main()
