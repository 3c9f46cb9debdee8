"""What the tests know of each family of ξ: oracles, options that a ξ cannot do without, and what it refuses.

A module of this package may define

    ORACLES   stem → cases (options, oracle); together they name every option
    OPTIONS   stem → options for n items, where the defaults are not enough
    ERRORS    what fails, and how
    ELSEWHERE stem → options that have tests of their own, not oracle rows
"""

import importlib
import pkgutil
from typing import Any

_MODULES = [importlib.import_module(f"families.{module.name}") for module in pkgutil.iter_modules(__path__)]


def collected(name: str) -> dict[str, Any]:
    """The tables of that name of all families, as one."""
    return {stem: value for module in _MODULES for stem, value in getattr(module, name, {}).items()}


def errors() -> list[Any]:
    """What every family refuses."""
    return [row for module in _MODULES for row in getattr(module, "ERRORS", [])]
