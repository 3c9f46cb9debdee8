"""What the tests know of each family of ξ: oracles, options that a ξ cannot do without, and what it refuses.

A module of this package may define

    ORACLES   stem → cases (options, oracle); together they name every option
    OPTIONS   stem → options for n items, where the defaults are not enough
    ERRORS    what fails, and how
    ELSEWHERE stem → options that have tests of their own, not oracle rows
    LEAST_FEATURES stem → features that an item must have, where it is more than 1

and sets of stems

    KINKED    entries have a kink where two items are equal
    CAPPED    the diagonal is as large as the dtype allows
    ORDERED   the order of the features matters
    ROWS      items are rows of A alone, so that its columns stay where they are
    TOGETHER  an entry depends on all items, not on its two alone
"""

import importlib
import pkgutil
from typing import Any

_MODULES = [importlib.import_module(f"families.{module.name}") for module in pkgutil.iter_modules(__path__)]


def collected(name: str) -> dict[str, Any]:
    """The tables of that name of all families, as one."""
    return {stem: value for module in _MODULES for stem, value in getattr(module, name, {}).items()}


def listed(name: str) -> set[str]:
    """The sets of that name of all families, as one."""
    return set().union(*(getattr(module, name, set()) for module in _MODULES))


def errors() -> list[Any]:
    """What every family refuses."""
    return [row for module in _MODULES for row in getattr(module, "ERRORS", [])]
