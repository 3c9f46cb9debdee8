"""What a sweep costs beside Hydra's own launchers, and what planning and resuming cost. Nothing is asserted.

python tests/benchmarks/bench_sweep.py --seeds 5          # 100 jobs each way; some minutes
pip install hydra-joblib-launcher                         # has joblib's launcher timed, too
"""

import argparse
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


class Cost(NamedTuple):
    """Wall and processor seconds of a command, and the largest of its processes."""

    wall: float
    cpu: float
    mib: float


def cost(*command: str, cwd: str) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, after.ru_maxrss / 1024)


def throughput(seeds: int) -> None:
    """The same jobs each way, none of them equal to another."""
    list_of_seeds = ",".join(map(str, range(seeds)))
    jobs = 4 * 5 * seeds
    words = ["-m", SETS, FUSIONS, f"seed={list_of_seeds}", *COMMON]
    ways = {
        "pool": [str(PROGRAM), *words],
        "joblib": ["-c", HYDRA, *words, "hydra/sweeper=basic", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        "basic": ["-c", HYDRA, *words, *BASIC, "device.threads=null"],
        "basic, one thread": ["-c", HYDRA, *words, *BASIC],
    }
    if importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None:
        del ways["joblib"]
    costs: dict[str, Cost] = {}
    for name, command in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            costs[name] = cost(*command, cwd=folder)
            records = [json.loads(path.read_text()) for path in Path(folder).glob("runs/*/*/record.json")]
        training = sum(record["duration_s"] for record in records)
        wall, cpu, _ = costs[name]
        print(
            f"{name}: {len(records)} runs for {jobs} jobs, {wall:.1f} s wall, {cpu:.1f} s cpu, "
            f"{jobs / wall:.2f} jobs/s, {training / len(records):.2f} s of a run are data, training and test",
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="20 jobs each")
    parser.add_argument("--planned", type=int, default=60, help="seeds of the sweep that is only planned")
    given = parser.parse_args()
    planning(given.planned)
    throughput(given.seeds)


if __name__ == "__main__":
    main()
