"""The only way from a configuration to an object."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

from hybridfuse import targets

Config = Mapping[str, Any] | DictConfig


def instantiate(config: Config, given: Mapping[str, object] | None = None) -> Any:
    """The object that a configuration describes, its class on the allow-list of `hybridfuse.targets`.

    Args:
        config: `{_target_: <dotted path>, <parameter>: <value>, ...}`, or `{function_class: <dotted path or class>,
            function_parameters: {...}}`. Never changed.
        given: more parameters, which win over the configuration's.

    Raises:
        ValueError, TypeError: if a target may not run or does not exist, or as the class raises on its parameters.
    """
    node = _node(config) | {str(key): value for key, value in (given or {}).items()}
    target = node["_target_"]
    if inspect.isclass(target):
        targets.check(f"{target.__module__}.{target.__qualname__}")
        return target(**{key: value for key, value in node.items() if key != "_target_"})
    allowed = list(_checked_targets(node))
    try:
        return _hydra_instantiate({"_convert_": "all", **node}, allowed)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, (ValueError, TypeError)):
            raise type(cause)(str(cause)) from error
        raise ValueError(str(error).splitlines()[0]) from error


def _node(config: Config) -> dict[str, Any]:
    """A plain copy of a configuration in Hydra's form."""
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config
    if not isinstance(plain, Mapping):
        raise TypeError(f"a configuration must be a mapping with _target_ or function_class, got {config!r}.")
    node: dict[str, Any] = {str(key): value for key, value in plain.items()}
    if "_target_" in node:
        return node
    unknown = sorted(node.keys() - {"function_class", "function_parameters"})
    if unknown or "function_class" not in node:
        raise ValueError(
            "a configuration must have _target_, or function_class and function_parameters, "
            f"got {', '.join(sorted(node)) or 'nothing'}."
        )
    return {"_target_": node["function_class"], **(node.get("function_parameters") or {})}


def _checked_targets(node: object) -> Iterator[str]:
    """Every target below a node, each found to be one that may run, before anything is built."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield from _checked_target(str(node["_target_"]))
        for value in node.values():
            yield from _checked_targets(value)
    elif isinstance(node, str):
        if "${" in node:  # Hydra would resolve it, after everything has been checked
            raise ValueError(f"a configuration must not hold an interpolation at this point, got {node}.")
    elif isinstance(node, Sequence) and not isinstance(node, bytes):
        for value in node:
            yield from _checked_targets(value)


def _checked_target(path: str) -> tuple[str, str]:
    """The path of a target as it is written, and as it is defined."""
    targets.check(path)
    try:
        found = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"_target_ {path} does not exist.") from error
    true_path = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    targets.check(true_path)
    if not inspect.isclass(found) and not targets.added(true_path):
        raise ValueError(f"_target_ must be a class, got {path}.")
    return path, true_path


def _hydra_instantiate(node: dict[str, Any], allowed: list[str]) -> Any:
    """Hydra's own; from 1.4 on it wants to be told which targets are allowed."""
    known = inspect.signature(hydra.utils.instantiate).parameters
    whitelist = [name for name in ("_execution_whitelist_", "_target_whitelist_") if name in known]
    return hydra.utils.instantiate(node, **dict.fromkeys(whitelist, allowed))
