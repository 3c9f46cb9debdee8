"""Sentences about words of the command line that Hydra cannot read, or that set what is not there. Free of torch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from hybridfuse import check
from hybridfuse.relocated import GROUP, SECOND

_OF_LISTS = "[{("


def read(word: str) -> Override:
    """What a word says.

    Raises:
        ValueError: if it says nothing, with a way to write it where there is one.
    """
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ValueError(f"cannot read the command: {_quoted(word) or first_line(error)}") from error


def _quoted(word: str) -> str | None:
    """How to write a word whose value has signs that mean something of their own; None where that is not all."""
    key, equals, value = word.partition("=")
    if not equals or not value or value[0] in _OF_LISTS or value.strip(",") != value or {'"', "\\"} & set(value):
        return None
    remedy = f'{key}="{value}"'
    try:
        OverridesParser.create().parse_override(remedy)
    except HydraException:
        return None
    return f"{word} needs quotes around its value, and others for the shell: '{remedy}'."


def first_line(error: Exception) -> str:
    """The first line of an error."""
    return str(error).strip().splitlines()[0]


def no_setting(key: str, tree: Mapping[Any, Any]) -> str:
    """That a key sets nothing, and what it could set: the nearest of its part, or all that its part has.

    Args:
        key: dotted.
        tree: a composed configuration that lacks it.
    """
    parent, _, name = key.rpartition(".")
    functions = next((place for place in (GROUP, SECOND) if parent.rpartition(".")[0] == place), None)
    part = _at(tree, parent)
    if functions and part is None:
        used = ", ".join(_at(tree, functions) or ())
        return f"{key} is no setting, since {parent.rpartition('.')[2]} is not in use: {functions} is [{used}]."
    if not parent or part is None:
        return f"{key} is no setting{check.nearest(key, _keys(tree)) or ' of this configuration.'}"
    known = _settings(part)
    near = check.nearest(name, known)
    if near:
        return f"{key} is no setting{near.replace('mean ', f'mean {parent}.')}"
    named = str(part.get("_target_", "")).rpartition(".")[2]
    what = f"{parent} is {named}, which" if named else parent
    return f"{key} is no setting: {what} has {', '.join(known) or 'none'}."


def _at(tree: Mapping[Any, Any], path: str) -> Mapping[Any, Any] | None:
    """The mapping at a dotted path; None if there is none."""
    node: Any = tree
    for step in path.split(".") if path else ():
        node = node.get(step) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None


def _settings(part: Mapping[Any, Any]) -> Sequence[str]:
    return [str(name) for name in part if not str(name).startswith("_")]


def _keys(node: Mapping[Any, Any], path: str = "") -> Iterator[str]:
    for name in _settings(node):
        here = f"{path}.{name}" if path else name
        if here != "hydra":
            yield here
            inner = _at(node, name)
            if inner:
                yield from _keys(inner, here)
