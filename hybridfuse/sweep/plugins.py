"""Our sweeper and launchers as plugins of Hydra, registered from here and not by a package of their own."""

import importlib
import sys
from types import ModuleType

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.plugin import Plugin

from hybridfuse.sweep.cluster_launchers import Ray, Slurm
from hybridfuse.sweep.launchers import Basic, Pool
from hybridfuse.sweep.sweeper import Sweep

_PACKAGE = "hydra_plugins.hybridfuse"
_PLUGINS: tuple[type[Plugin], ...] = (Sweep, Pool, Basic, Ray, Slurm)


def register() -> None:
    """Has Hydra know them, by names in the package in which it wants plugins to be."""
    if _PACKAGE in sys.modules:
        return
    known = Plugins.instance()  # looks for installed plugins before there is a package of ours
    for plugin in _PLUGINS:
        plugin.__module__ = _PACKAGE
        known.register(plugin)
    _make_importable()
    # Hydra has an option of this name, against which it would check ours.
    ConfigStore.instance().repo["hydra"]["launcher"].pop("basic.yaml", None)


def _make_importable() -> None:
    """A module for these names, since Hydra imports what it instantiates by its name."""
    above, _, name = _PACKAGE.partition(".")
    try:
        parent = importlib.import_module(above)
    except ImportError:
        parent = sys.modules[above] = ModuleType(above)
        parent.__path__ = []
    module = sys.modules[_PACKAGE] = ModuleType(_PACKAGE)
    for plugin in _PLUGINS:
        setattr(module, plugin.__name__, plugin)
    setattr(parent, name, module)
