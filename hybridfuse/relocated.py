"""Lists of functions at other places than that of the first hybrid, which Hydra would lay on top of each other.

A function's file says where it belongs, `interdependence.<its name>`; a place that a word gives counts instead, for all
functions of a list the same. Free of torch.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

GROUP = "interdependence"
SECOND = "second.interdependence"
"""Where the second hybrid has its functions; a single one there is a list of one."""
_ONE = re.compile(rf"\+{GROUP}@(.+)\.([^.=]+)=\2")


def expanded(words: Iterable[str]) -> list[str]:
    """The words for Hydra: each function of a list at a place with a name of its own, all else as it is."""
    return [one for word in words for one in _expanded(word)]


@cache
def _expanded(word: str) -> tuple[str, ...]:
    if "@" not in word:
        return (word,)
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:  # the next reader of the word tells what is wrong with it
        return (word,)
    names = None if override.is_sweep_override() or override.is_delete() else functions(override, override.value())
    return (word,) if names is None else tuple(f"+{GROUP}@{override.package}.{name}={name}" for name in names)


def functions(override: Override, value: Any) -> list[str] | None:
    """The functions of a list at another place, where a word that has this value, or sweeps over it, gives some."""
    if override.key_or_group != GROUP or override.package is None:
        return None
    if isinstance(value, list):
        return [str(name) for name in value]
    return [str(value)] if override.package == SECOND and value is not None else None


def folded(words: Iterable[str]) -> list[str]:
    """Words as a user would write them: what Hydra was given one at a time as a list, where the first of them stood."""
    found: dict[str, list[str]] = {}
    for word in words:
        match = _ONE.fullmatch(word)
        found.setdefault(f"{GROUP}@{match[1]}" if match else word, []).extend([match[2]] if match else [])
    return [f"{key}=[{','.join(names)}]" if names else key for key, names in found.items()]
