"""Our sweeps as Hydra's sweeper. Free of torch."""

import sys
from pathlib import Path
from typing import ClassVar

from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import InstantiationException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hybridfuse.command import CommandError
from hybridfuse.sweep.composition import Composer
from hybridfuse.sweep.launcher_base import EngineLauncher
from hybridfuse.sweep.plan import planned, probed
from hybridfuse.sweep.searched import is_search, searched
from hybridfuse.sweep.sweep import Conduct, search, sweep


class Sweep(Sweeper):
    """Plans a sweep, goes on where it was, and compares at the end."""

    words: ClassVar[list[str]] = []
    """Those of the command that Hydra is not given, since the plan composes them."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's: takes the configuration, composed without the words that sweep."""
        self.hydra_context = hydra_context
        self.config = config
        try:
            self.launcher = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            )
        except InstantiationException as error:
            raise CommandError(" ".join(str(error.__cause__ or error).split())) from error

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Hydra's: runs the sweep that the words ask for.

        Raises:
            SystemExit: with the exit code, always, since Hydra knows of none.
            CommandError: if the command asks for nothing that could run.
        """
        if self.config is None or not isinstance(self.launcher, EngineLauncher):
            raise CommandError("hydra/launcher must be one of hybridfuse's own with hydra/sweeper=sweep.")
        GlobalHydra.instance().clear()  # the plan composes configurations of its own
        folders = {source.provider: source.path for source in self.config.hydra.runtime.config_sources}
        composer = Composer(Path(folders["main"]), folders.get("command-line"))
        words = [*arguments, *self.words]
        of_jobs, probe = probed(composer, words)
        try:
            conduct = Conduct.of(probe.tree["sweep"])
        except (ValueError, TypeError) as error:
            raise CommandError(str(error)) from error
        if is_search(probe):
            source = searched(composer, of_jobs, probe, conduct.metric, conduct.retry_failed)
            sys.exit(search(source, self.launcher, conduct))
        sys.exit(sweep(planned(composer, words), self.launcher, conduct))
