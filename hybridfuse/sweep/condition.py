"""Words that hold for a job or do not. Free of torch."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hybridfuse import check, command
from hybridfuse.command import CommandError
from hybridfuse.sweep.composition import Composed
from hybridfuse.sweep.tree import lookup
from hybridfuse.sweep.words import Words, alternatives, key, parsed


class Defaults:
    """What holds for a job of which no word says it.

    Args:
        composed: the configuration without those words.
        swept: keys of words of the sweep, which conditions may be about as well.
    """

    def __init__(self, composed: Composed, swept: Sequence[str]) -> None:
        self._composed = composed
        self._names = [*composed.choices, *_paths(composed.tree), *swept]
        self._swept = set(swept)

    def value(self, name: str) -> Any:
        """The option of a group, the names of functions, or the value of a setting; None where it has none."""
        if name in self._composed.choices:
            return self._composed.choices[name]
        try:
            found = lookup(self._composed.tree, name)
        except KeyError:
            return None
        return list(found) if name in command.LISTS else found

    def check(self, name: str) -> None:
        """CommandError if a condition is about nothing."""
        if name not in self._names:
            end = check.nearest(name, self._names) or "."
            raise CommandError(f"a condition of the sweep is about {name}, which is no setting{end}")


class Condition:
    """Words, such as `fusion=mean,max interdependence=[chain]`, that hold if each of them does.

    `key=a,b` holds for each of the values. For functions, `[chain]` holds if they are these in any order, and `chain`
    if it is among them.

    Args:
        words: those, between spaces.
        directories: where the groups are.
        defaults: what holds for a job of which no word says it.

    Raises:
        CommandError: if a word cannot be read, is about nothing, or names no option.
    """

    def __init__(self, words: str, directories: Sequence[Path], defaults: Defaults) -> None:
        self._defaults = defaults
        self._wanted: list[tuple[str, list[Any]]] = []
        for word in shlex.split(words):
            defaults.check(parsed(word).get_key_element())
            command.check_choice(parsed(word), directories)
            wanted = [parsed(one).value() for one in alternatives(word, directories)]
            self._wanted.append((parsed(word).get_key_element(), wanted))

    def holds(self, job: Words) -> bool:
        """Whether it does for a job."""
        said = {key(word): parsed(word).value() for word in job}
        return all(
            any(_fits(name, value, said[name] if name in said else self._defaults.value(name)) for value in wanted)
            for name, wanted in self._wanted
        )


def _fits(name: str, wanted: Any, found: Any) -> bool:
    if name not in command.LISTS:
        return bool(wanted == found)
    functions = [found] if isinstance(found, str) else found or []
    return set(wanted) == set(functions) if isinstance(wanted, list) else wanted in functions


def _paths(node: Mapping[Any, Any], path: str = "") -> Iterator[str]:
    for name, value in node.items():
        yield f"{path}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{path}{name}.")
