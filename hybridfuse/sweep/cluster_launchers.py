"""The launchers that need a package of their own, which is imported when jobs are to run."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.sweep.engine import Engine, Job
from hybridfuse.sweep.launcher_base import EngineLauncher
from hybridfuse.sweep.launchers import cores, may_use_gpu, threads


class Ray(EngineLauncher):
    """Tasks of a Ray cluster.

    Args:
        address: of a cluster; `auto` for one that runs on this machine, `local` to start one for this sweep. None is
            what the variable RAY_ADDRESS says, or else `local`.
        workers: jobs at once; None: as many as there is room for.
        num_cpus: cores of a job, which Ray counts, but does not enforce; None: `device.threads`.
        num_gpus: GPUs of a job, a whole number or a part of one below 1; None: one if there are any, and the jobs may
            use them.

    Raises:
        ValueError, TypeError: if a setting makes no sense.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        num_cpus: float | None = None,
        num_gpus: float | None = None,
    ) -> None:
        self._address = check.kind("hydra.launcher.address", address or os.environ.get("RAY_ADDRESS") or "local", str)
        self._workers = _whole("workers", workers)
        self._num_cpus = None if num_cpus is None else check.positive("hydra.launcher.num_cpus", num_cpus)
        self._num_gpus = None if num_gpus is None else _gpus("hydra.launcher.num_gpus", num_gpus)

    def open(self, jobs: Sequence[Job]) -> Engine:
        from hybridfuse.sweep.ray_engine import RayEngine, Share

        if not hasattr(os, "fork"):
            raise CommandError("hydra/launcher=ray needs a system that can fork; hydra/launcher=basic runs anywhere.")
        cpus = self._num_cpus or max(map(threads, jobs), default=1)
        gpus = 0.0 if self._num_gpus is None and not any(may_use_gpu(job) for job in jobs) else self._num_gpus
        own = max(cores(), math.ceil(cpus * (self._workers or 1)))
        return RayEngine(self._address, Share(cpus, gpus), self._workers, own)


class Slurm(EngineLauncher):
    """Array jobs of SLURM.

    Args:
        cluster: `slurm`; `local` tries the same with processes of this machine, `debug` in this very process.
        workers: jobs that are submitted at once; None: 256, `local`: as many as there are cores for, `debug`: 1.
        timeout_min: minutes that a job may run at a time.
        requeues: how often a job that has used them up is queued again, and goes on.
        cpus_per_task: cores of a job; None: `device.threads`.
        mem_gb: memory of a job in GB; None: what the cluster gives.
        gpus_per_node: GPUs of a job; None: none are asked for.
        partition, account, qos, constraint, gres: as `sbatch` has them.
        setup: lines for the shell before a job, such as `module load cuda`.
        more: other options of `sbatch`, such as {mail-type: END}.

    Raises:
        ValueError, TypeError: if a setting makes no sense.
    """

    def __init__(
        self,
        cluster: str = "slurm",
        workers: int | None = None,
        timeout_min: int = 60,
        requeues: int = 3,
        cpus_per_task: int | None = None,
        mem_gb: float | None = None,
        gpus_per_node: int | None = None,
        partition: str | None = None,
        account: str | None = None,
        qos: str | None = None,
        constraint: str | None = None,
        gres: str | None = None,
        setup: Sequence[str] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self._cluster = check.choice("hydra.launcher.cluster", cluster, ("slurm", "local", "debug"))
        self._workers = _whole("workers", workers)
        self._requeues = check.whole("hydra.launcher.requeues", requeues, least=0)
        self._cpus = _whole("cpus_per_task", cpus_per_task)
        self._parameters = {
            "name": "hybridfuse",
            "timeout_min": check.whole("hydra.launcher.timeout_min", timeout_min),
            "mem_gb": None if mem_gb is None else check.positive("hydra.launcher.mem_gb", mem_gb),
            "gpus_per_node": _whole("gpus_per_node", gpus_per_node),
            "slurm_partition": partition,
            "slurm_account": account,
            "slurm_qos": qos,
            "slurm_constraint": constraint,
            "slurm_gres": gres,
            "slurm_setup": list(setup) or None,
            "slurm_additional_parameters": dict(more) if more else None,
        }

    def open(self, jobs: Sequence[Job]) -> Engine:
        from hybridfuse.sweep.slurm_engine import SlurmEngine

        cpus = self._cpus or max(map(threads, jobs), default=1)
        workers = self._workers or {"slurm": 256, "local": max(cores() // cpus, 1), "debug": 1}[self._cluster]
        more = {"cpus_per_task": cpus, "slurm_array_parallelism": workers}
        return SlurmEngine(self._cluster, workers, self._requeues, {**self._parameters, **more})


def _whole(name: str, value: object) -> int | None:
    return None if value is None else check.whole(f"hydra.launcher.{name}", value)


def _gpus(name: str, value: object) -> float:
    """`value` as what Ray takes for a number of GPUs."""
    number = check.at_least(name, value, 0)
    if number > 1 and number != int(number):
        raise ValueError(f"{name} must be a whole number, or below 1 to share a GPU, got {value}.")
    return number
