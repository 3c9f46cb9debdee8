"""The launchers that need no other package."""

import os
import subprocess
from collections.abc import Sequence
from shutil import which

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.sweep.basic import BasicEngine
from hybridfuse.sweep.engine import Engine, Job
from hybridfuse.sweep.launcher_base import EngineLauncher
from hybridfuse.sweep.pool import PoolEngine


class Pool(EngineLauncher):
    """Processes of this machine, side by side.

    Args:
        workers: jobs at once; None: as many as cores and `device.threads` allow, or with GPUs as many as they take.
        jobs_per_gpu: jobs that share a GPU.

    Raises:
        ValueError, TypeError: if either is no whole number of at least 1.
    """

    def __init__(self, workers: int | None = None, jobs_per_gpu: int = 1) -> None:
        self._workers = None if workers is None else check.whole("hydra.launcher.workers", workers)
        self._jobs_per_gpu = check.whole("hydra.launcher.jobs_per_gpu", jobs_per_gpu)

    def open(self, jobs: Sequence[Job]) -> Engine:
        if not hasattr(os, "fork"):
            raise CommandError("hydra/launcher=pool needs a system that can fork; hydra/launcher=basic runs anywhere.")
        gpus = visible_gpus() if any(may_use_gpu(job) for job in jobs) else []
        fitting = len(gpus) * self._jobs_per_gpu if gpus else max(cores() // max(map(threads, jobs), default=1), 1)
        return PoolEngine(min(self._workers or fitting, len(jobs)), gpus)


class Basic(EngineLauncher):
    """One job after another, in this process."""

    def open(self, jobs: Sequence[Job]) -> Engine:
        return BasicEngine()


def cores() -> int:
    """Cores that this process may use."""
    from joblib import cpu_count  # knows of limits of containers, too

    return cpu_count()


def visible_gpus() -> list[str]:
    """The GPUs of this machine that CUDA may use; none where there are none. Starts nothing of CUDA."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [index for index in chosen.split(",") if index and index != "-1"]
    if which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=30)
    return [str(index) for index, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]


def may_use_gpu(job: Job) -> bool:
    return job.description.plain["device"]["accelerator"] in ("auto", "cuda", "gpu")


def threads(job: Job) -> int:
    """Processor threads of a job; as many as cores where it does not say."""
    return job.description.plain["device"]["threads"] or cores()
