"""The only way from a configuration to an object."""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, ListConfig, OmegaConf

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
    node = _prepared(_node(config) | {str(key): value for key, value in (given or {}).items()})
    allowed = list(_checked_targets(node))
    try:
        return _hydra_instantiate({"_convert_": "all", **node}, allowed)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, (ValueError, TypeError, OSError)):
            raise type(cause)(str(cause)) from error
        raise ValueError(str(cause or error).splitlines()[0]) from error


def lacks(config: Config, parameter: str, substitutes: Sequence[str] = ()) -> bool:
    """Whether the class of a configuration takes a parameter that is not given, nor is a substitute for it.

    Raises:
        ValueError, TypeError: if the class may not run or does not exist.
    """
    node = _node(config)
    taken = inspect.signature(_resolved(node["_target_"])).parameters
    return parameter in taken and all(node.get(name) is None for name in (parameter, *substitutes))


def _prepared(node: Any) -> Any:
    """The nodes below a configuration in Hydra's form, too; a class given as an object by its path.

    What builds its own parts gets their configurations as they are.
    """
    if isinstance(node, (Mapping, DictConfig)):
        if "_target_" not in node and "function_class" not in node:
            return {key: _prepared(value) for key, value in node.items()}
        plain = {key: _prepared(value) for key, value in _node(node).items()}
        target = plain["_target_"]
        if inspect.isclass(target):
            plain["_target_"] = f"{target.__module__}.{target.__qualname__}"
        return plain if "_recursive_" in plain else {"_recursive_": not _builds_its_parts(plain["_target_"]), **plain}
    if isinstance(node, (list, tuple, ListConfig)):
        return [_prepared(value) for value in node]
    return node


def _builds_its_parts(path: str) -> bool:
    return bool(getattr(_resolved(path), "builds_its_parts", False))


def _resolved(target: Any) -> Any:
    """What a target leads to, or the class itself where that is given."""
    if inspect.isclass(target):
        return target
    targets.check(target)
    try:
        return pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"_target_ {target} does not exist.") from error


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
    found = _resolved(path)
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
