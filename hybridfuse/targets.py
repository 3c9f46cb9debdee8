"""Which classes a configuration may name; the one place where that is decided. Free of torch."""

import inspect
import os
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence

from hydra.core.plugins import Plugins

ENVIRONMENT_VARIABLE = "HYBRIDFUSE_ALLOW"

_ALLOWED = (
    *(
        f"hybridfuse.{part}"
        for part in ("interdependence", "fusion", "hybrid", "balance", "postprocess", "reconciliation")
    ),
    *(f"hybridfuse.{part}" for part in ("model", "module", "data", "callbacks")),
    "torch.nn",
    "torch.optim",
    "pytorch_lightning",
    "torchmetrics",
)
_REFUSED = ("pytorch_lightning.cli",)
_HYDRA = ("hydra._internal", "hydra_plugins", "hybridfuse")
_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
_RESOLVERS = ("hydra", "hydra_override_dirname", "now")
_HANDLERS = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler")

# Read when the program starts: a configuration can change the environment later, but not this.
_added = [package.strip() for package in os.environ.get(ENVIRONMENT_VARIABLE, "").split(",") if package.strip()]


def allow(package: str) -> None:
    """Lets configurations name what is defined in `package`, a Python package of the user's own."""
    _added.append(package)


def added(path: str) -> bool:
    """Whether the user has allowed the package of a dotted path."""
    return _within(path, _added)


def check(path: str) -> None:
    """ValueError if a dotted path lies outside the allowed packages.

    To be asked twice: of the path as it is written, before anything is imported, and of the true module and name
    of what it led to (`torch.nn.foo.os.system` is `posix.system`).
    """
    if not _within(path, (*_ALLOWED, *_added)) or _within(path, _REFUSED):
        raise ValueError(
            f"_target_ must lie in hybridfuse's parts, {', '.join(_ALLOWED[-4:])} or a package of your own "
            f"allowed by {ENVIRONMENT_VARIABLE}=<package>, got {path}."
        )


def check_tree(config: Mapping[str, object]) -> None:
    """ValueError if a composed configuration, Hydra's own part included, names anything that may not run."""
    for key, value in _leaves(config):
        steps = key.split(".")
        if key.startswith(("hydra.overrides.", "hydra.job.override_dirname")):
            continue  # the words of the command, of which nothing is built
        if steps[0] == "hydra":
            _check_hydra(key, steps, str(value), config)
        elif steps[-1] == "_target_":
            check(str(value))


def _check_hydra(key: str, steps: Sequence[str], value: str, config: Mapping[str, object]) -> None:
    """What stands in Hydra's part is built by Hydra and by `logging`, which ask nobody."""
    if steps[-1] == "_target_":
        _check_hydra_class(key, value)
    if steps[-1] == "()":
        raise ValueError(f"{key} must not be in a configuration: it calls {value}.")
    if steps[-1] == "class" and value not in _HANDLERS:
        raise ValueError(f"{key} must be one of {', '.join(_HANDLERS)}, got {value}.")
    if (key == "hydra.mode" or key.startswith("hydra.sweeper.params")) and value != "None":
        raise ValueError(f"{key} must not be in a configuration; sweep with -m on the command line.")
    if "env_set" in steps:
        raise ValueError(f"{key} must not be in a configuration; set the variable in your shell.")
    if value.startswith("ext://") and value not in _STREAMS:
        raise ValueError(f"{key} must be one of {', '.join(_STREAMS)}, got {value}.")
    for name, resolver in re.findall(r"\$\{\s*([^\s{}:$]*)\s*(:?)", value):
        if name not in _RESOLVERS if resolver else not (name.startswith("hydra.") or _leads_to_value(name, config)):
            raise ValueError(f"{key} must not lead out of Hydra's part of the configuration, got {value}.")


def _check_hydra_class(key: str, path: str) -> None:
    if path in Plugins.instance().class_name_to_class:
        return
    try:
        found = pkgutil.resolve_name(path) if _within(path, _HYDRA) else None
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{key} must be a class that exists, got {path}.") from error
    if not inspect.isclass(found) or not _within(found.__module__, _HYDRA):
        raise ValueError(f"{key} must be a class of Hydra's, of a plugin of it or of hybridfuse, got {path}.")


def _leads_to_value(name: str, config: Mapping[str, object]) -> bool:
    """Whether a dotted name leads to a number or a text that leads nowhere else."""
    node: object = config
    for step in name.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return not isinstance(node, (Mapping, list, tuple)) and node is not None and "${" not in str(node)


def _within(path: str, packages: Sequence[str]) -> bool:
    return any(path == package or path.startswith(f"{package}.") for package in packages)


def _leaves(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, Sequence) and not isinstance(node, (str, bytes)):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, node
