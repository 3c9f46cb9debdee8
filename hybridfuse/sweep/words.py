"""Words of the command line, each read once. Free of torch."""

import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType, RangeSweep, Transformer, ValueType

from hybridfuse import command, explanation
from hybridfuse.command import CommandError

Words = tuple[str, ...]

_PLAIN = re.compile(r"([A-Za-z_][\w.]*)=(?:(-?[1-9]\d{0,14}|0)|(-?\d{1,9}\.\d{1,9})|([A-Za-z_]\w*))")
_OF_THE_GRAMMAR = ("true", "false", "null", "inf", "nan")
_known: dict[str, Override] = {}


def parsed(word: str) -> Override:
    """What a word says.

    Raises:
        CommandError: if it says nothing.
    """
    if word not in _known:
        _known[word] = _plain(word) or _by_hydra(word)
    return _known[word]


def _plain(word: str) -> Override | None:
    """A name, an equals sign and a number or a name, which Hydra's grammar takes a millisecond for."""
    match = _PLAIN.fullmatch(word)
    if match is None or (match[4] or "").lower() in _OF_THE_GRAMMAR:
        return None
    value = int(match[2]) if match[2] else float(match[3]) if match[3] else match[4]
    return Override(OverrideType.CHANGE, match[1], ValueType.ELEMENT, value, input_line=word)


def _by_hydra(word: str) -> Override:
    try:
        return explanation.read(word)
    except ValueError as error:
        raise CommandError(str(error)) from error


@cache
def key(word: str) -> str:
    """What a word is about, signs included: `+interdependence@interdependence.wide`."""
    return parsed(word).get_key_element()


def is_group(word: str, directories: Sequence[Path]) -> bool:
    """Whether a word chooses options of a group."""
    override = parsed(word)
    return _is_folder(override.key_or_group, tuple(directories)) and not isinstance(override.value(), dict)


@cache
def _is_folder(name: str, directories: tuple[Path, ...]) -> bool:
    return any((directory / name).is_dir() for directory in directories)


def is_about_sweep(word: str) -> bool:
    """Whether a word sets something of the sweep itself."""
    return parsed(word).key_or_group.partition(".")[0] in ("sweep", "controls")


def count(word: str, directories: Sequence[Path]) -> int:
    """How many words a word stands for.

    Raises:
        CommandError: if they are none, or cannot be counted.
    """
    override = parsed(word)
    value: Any = override.value()
    if override.value_type == ValueType.INTERVAL_SWEEP:
        raise CommandError(f"{word} has no end of values: range(...) has, and sweep.search=optuna needs none.")
    if isinstance(value, RangeSweep):
        number = math.ceil((float(value.stop or 0) - float(value.start or 0)) / float(value.step)) if value.step else 0
    else:
        number = len(_elements(override, directories)) if override.is_sweep_override() else 1
    if number < 1:
        raise CommandError(f"{word} sweeps over nothing.")
    return number


def alternatives(word: str, directories: Sequence[Path]) -> list[str]:
    """The word itself, or the words that it stands for, which are known from now on."""
    override = parsed(word)
    if not override.is_sweep_override():
        return [word]
    found: list[str] = []
    for element in _elements(override, directories):
        found.append(f"{override.get_key_element()}={Transformer.str(element)}")
        one = (override.type, override.key_or_group, ValueType.ELEMENT, element, override.package, found[-1])
        _known.setdefault(found[-1], Override(*one))
    return found


def _elements(override: Override, directories: Sequence[Path]) -> list[Any]:
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
        chosen: Any = override.value()
        return chosen.filter(command.options(directories, override.key_or_group))
    return list(override.sweep_iterator())
