"""Hydra's launchers of ours: options of `hydra/launcher`, each of which opens an engine."""

from abc import abstractmethod
from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hybridfuse.command import CommandError
from hybridfuse.sweep.engine import Engine, Job


class EngineLauncher(Launcher):
    """A place where the jobs of a sweep run."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's; nothing has to be set up before the jobs are known."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hydra's; refused, since a sweeper that calls it would run everything anew, and wait for the slowest."""
        raise CommandError("hydra/launcher is of hybridfuse's own sweeps: use it with hydra/sweeper=sweep.")

    @abstractmethod
    def open(self, jobs: Sequence[Job]) -> Engine:
        """An engine for these jobs.

        Raises:
            CommandError: if there is none here, or a setting makes no sense.
        """
