"""Which settings a job of a sweep keeps. Free of torch."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from hybridfuse import command
from hybridfuse.sweep.option import Options
from hybridfuse.sweep.words import Words, alternatives, is_group, key, parsed

_FUNCTIONS = "interdependence"


class InUse:
    """Leaves out settings of options that other jobs of the sweep have and a job has not.

    Args:
        words: of all jobs, those that sweep included.
        functions: that some jobs have without a word of the command.
        directories: where the groups are.
    """

    def __init__(self, words: Iterable[str], functions: Sequence[str], directories: Sequence[Path]) -> None:
        self._options = Options(directories)
        self._chosen: dict[str, dict[str, None]] = {_FUNCTIONS: dict.fromkeys(functions)}
        given = [word for word in words if is_group(word, directories) and not parsed(word).is_delete()]
        for word in given:
            names = [name for one in alternatives(word, directories) for name in _names(one)]
            self._chosen.setdefault(_place(word), {}).update(dict.fromkeys(names))
        self._groups = {_place(word): parsed(word).key_or_group for word in given}
        self._has = cache(self._read)

    def of(self, job: Words) -> Words:
        """The words of a job that say something of it."""
        own = {_place(word): _names(word) for word in job if _place(word) in self._groups or key(word) == _FUNCTIONS}
        return tuple(word for word in job if self._is_used(word, own))

    def _is_used(self, word: str, own: dict[str, list[str]]) -> bool:
        path = parsed(word).key_or_group
        place = next((place for place in own if path.startswith(f"{place}.")), None)
        if place is None or parsed(word).package is not None:
            return True
        setting = path.removeprefix(f"{place}.")
        others = [name for name in self._chosen[place] if self._has(place, name, setting)]
        return not others or any(name in others for name in own[place])

    def _read(self, place: str, name: str, setting: str) -> bool:
        """Whether an option has a setting of this name, or may have it: what its file is made of says more."""
        group = self._groups.get(place, _FUNCTIONS)
        if group in command.LISTS:
            return setting.partition(".")[0] == name
        return self._options.may_have(f"{group}/{name}", setting)


def _place(word: str) -> str:
    """Where the options that a word chooses are merged."""
    override = parsed(word)
    return override.package or override.key_or_group.replace("/", ".")


def _names(word: str) -> list[str]:
    value = parsed(word).value()
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]


def function_of(word: str) -> str | None:
    """The function that a word sets something of."""
    first, _, rest = parsed(word).key_or_group.partition(".")
    return rest.partition(".")[0] if first == _FUNCTIONS and rest else None
