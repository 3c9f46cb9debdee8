"""Functions that another one is made of: given as objects, by configuration or by name."""

import pkgutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import hybridfuse.interdependence
from hybridfuse import check
from hybridfuse.discovery import snake_case
from hybridfuse.instantiate import Config, instantiate
from hybridfuse.interdependence.base import Interdependence, InterdependenceType

Part = Interdependence | Config | str
"""An object, which is used as it is; a configuration, or the name of a function, which are given b, m and the type."""


def part(name: str, given: object, b: int, m: int, interdependence_type: InterdependenceType) -> Interdependence:
    """The function of these sizes.

    Raises:
        ValueError: if it is of another type, number of items or m, or there is none of its name.
        TypeError: if what is given is no function.
    """
    if isinstance(given, Interdependence):
        return _fitting(given, b, m, interdependence_type)
    config = {"_target_": _target(name, given)} if isinstance(given, str) else given
    if not isinstance(config, Mapping):
        raise TypeError(f"{name} must be an interdependence function, its name or its configuration, got {given!r}.")
    sizes = {"b": b, "m": m, "interdependence_type": interdependence_type}
    return check.kind(name, instantiate(config, sizes), Interdependence)


def _fitting(given: Interdependence, b: int, m: int, interdependence_type: InterdependenceType) -> Interdependence:
    n = m if interdependence_type == "attribute" else b
    if (given.interdependence_type, given.n, given.m) != (interdependence_type, n, m):
        raise ValueError(
            f"{given.name} must be of type {interdependence_type} with b = {b}, m = {m} like what holds it, "
            f"got {given.interdependence_type} with b = {given.b}, m = {given.m}."
        )
    return given


def check_fits(owner: Interdependence, name: str, given: Interdependence) -> None:
    """ValueError if a function is of another type or m than a hybrid."""
    if given.interdependence_type != owner.interdependence_type or given.m != owner.m:
        raise ValueError(
            f"{name} must be of type {owner.interdependence_type} with m = {owner.m} like {owner.name}, "
            f"got {given.interdependence_type} with m = {given.m}."
        )


def _target(name: str, stem: str) -> str:
    """The class of a function by the name of its file."""
    files = (module.name for module in pkgutil.iter_modules(hybridfuse.interdependence.__path__))
    stems = [file for file in files if file not in ("base", "structural") and not file.endswith("_base")]
    if stem not in stems:
        raise ValueError(f"{name} must name interdependence functions, got {stem}{check.nearest(stem, stems) or '.'}")
    cls = "".join(word.capitalize() for word in stem.split("_"))
    return f"{hybridfuse.interdependence.__name__}.{stem}.{cls}"


def stem(config: Config) -> str:
    """The name of the class that a configuration makes."""
    if not isinstance(config, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a configuration must be a mapping with _target_ or function_class, got {config!r}.")
    target = config.get("_target_", config.get("function_class", ""))
    return snake_case(str(getattr(target, "__name__", target)).rsplit(".", 1)[-1])


def named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Values by name; the second of a name is called name_2, and so on."""
    seen: Counter[str] = Counter()
    named: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name}_{seen[name]}"] = value
    return named
