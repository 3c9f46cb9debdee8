"""Checks of what a user gives, each failing with one sentence; free of torch."""

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def nearest(name: str, choices: Iterable[str]) -> str:
    """`; did you mean <nearest>?`, or nothing where no choice comes near."""
    return "".join(f"; did you mean {choice}?" for choice in _near(name, list(choices)))


def nearest_file(file: Path) -> str:
    """`nearest` for a file that is not there, among those of its folder; that endings are alike makes none near."""
    others = [other for other in file.parent.iterdir() if other.is_file()] if file.parent.is_dir() else []
    named = {other.stem: other.name for other in sorted(others, key=lambda other: other.suffix == file.suffix)}
    return "".join(f"; did you mean {named[stem]}?" for stem in _near(file.stem, list(named)))


def _near(name: str, choices: list[str]) -> list[str]:
    """The nearest choice, if one comes near."""
    completed = sorted((choice for choice in choices if name and choice.startswith(name)), key=len)
    return completed[:1] or difflib.get_close_matches(name, choices, n=1, cutoff=0.6)


def choice(name: str, value: object, choices: Iterable[str]) -> str:
    """`value` if it is one of `choices`, else ValueError with the nearest."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        end = nearest(str(value), choices) or "."
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}{end}")
    return value


def number(name: str, value: object) -> float:
    """`value` as a finite float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")
    return float(value)


def positive(name: str, value: object) -> float:
    """`value` as a finite float above 0."""
    result = number(name, value)
    if result <= 0:
        raise ValueError(f"{name} must be > 0, got {value}.")
    return result


def at_least(name: str, value: object, least: float) -> float:
    """`value` as a finite float of at least `least`."""
    result = number(name, value)
    if result < least:
        raise ValueError(f"{name} must be >= {least:g}, got {value}.")
    return result


def fraction(name: str, value: object) -> float:
    """`value` as a float in [0, 1)."""
    result = number(name, value)
    if not 0 <= result < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value}.")
    return result


def whole(name: str, value: object, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}.")
    return int(value)


def truth(name: str, value: object) -> bool:
    """`value` if it is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, got {value!r}.")
    return value


def wholes(name: str, values: object) -> list[int]:
    """`values` as a list of ints of at least 1."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"{name} must be a list of whole numbers, got {values!r}.")
    return [whole(name, value) for value in values]


def numbers(name: str, values: object) -> list[float]:
    """`values`, a list, tuple, tensor or array of numbers, as finite floats."""
    listed: object = getattr(values, "tolist", lambda: values)()
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise TypeError(f"{name} must be a list of numbers, got {values!r}.")
    return [number(name, value) for value in listed]


def kind(name: str, value: object, of: type[T]) -> T:
    """`value` if it is an object of the class."""
    if not isinstance(value, of):
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise TypeError(f"{name} must be of {of.__name__} objects, got {got}.")
    return value
