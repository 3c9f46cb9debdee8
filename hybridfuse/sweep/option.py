"""Options of groups as files, and the places where Hydra merges them. Free of torch."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from hybridfuse import command, targets
from hybridfuse.command import CommandError
from hybridfuse.sweep.tree import Tree, UncertainError
from hybridfuse.sweep.words import parsed


class Entry(NamedTuple):
    """A file in Hydra's defaults list.

    Args:
        path: of the file, below a folder of groups, without its ending.
        package: the dotted place where it is merged, "" at the top.
        key: the word that would choose another file there, where one would.
    """

    path: str
    package: str
    key: str | None

    @property
    def is_of_hydra(self) -> bool:
        """Whether it is no part of the configuration of a job."""
        return self.path.startswith("hydra/")


class OptionFile(NamedTuple):
    """What a file says."""

    content: Tree
    defaults: list[Any]
    package: str | None


def read(file: Path) -> OptionFile:
    """A file of a group.

    Raises:
        CommandError: if it names a class that may not run.
    """
    text = file.read_text(encoding="utf-8")
    content: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    header = re.search(r"^#\s*@package\s+(\S+)\s*$", text, re.MULTILINE)
    defaults = content.pop("defaults", [])
    try:
        targets.check_tree(content)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return OptionFile(content, defaults, header[1] if header else None)


class Options:
    """The files of the groups.

    Args:
        directories: where groups are looked for, in this order.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = directories
        self._files: dict[str, OptionFile | None] = {}
        self._contents: dict[Entry, Tree] = {}

    def is_plain(self, word: str) -> bool:
        """Whether a word does no more than to put files in the place of others."""
        override = parsed(word)
        if override.is_add() or override.is_force_add() or override.is_delete() or override.key_or_group == "hydra":
            return False
        files = [self._file(f"{override.key_or_group}/{name}") for name in _names(word)]
        return bool(files) and all(file and not file.defaults and "hydra" not in file.content for file in files)

    def may_have(self, path: str, setting: str) -> bool:
        """Whether a file says a setting, or leaves open whether it is there."""
        file = self._file(path)
        return file is not None and (bool(file.defaults) or setting.partition(".")[0] in file.content)

    def free(self, entries: Sequence[Entry]) -> bool:
        """Whether which files are merged follows from each word alone."""
        return not any("${" in str(file.defaults) for entry in entries if (file := self._file(entry.path)))

    def content(self, entry: Entry) -> Tree:
        """What an entry merges, as a tree from the top."""
        if entry not in self._contents:
            file = self._file(entry.path)
            if file is None:
                raise UncertainError
            tree = file.content
            for name in reversed(entry.package.split(".") if entry.package else []):
                tree = {name: tree}
            self._contents[entry] = tree
        return self._contents[entry]

    def exchange(self, entries: list[Entry], before: str, after: str) -> None:
        """Puts the files of one word in the place of those of another one for the same group.

        Raises:
            UncertainError: if it is not certain where they go.
        """
        if before == after:
            return
        names = _names(before)
        here = [place for place, entry in enumerate(entries) if self._is_of(entry, before)]
        if not here or len(here) != len(names) or here != list(range(here[0], here[0] + len(here))):
            raise UncertainError
        old = [self._entry(before, name, entries[place].package) for name, place in zip(names, here, strict=True)]
        if old != [entry._replace(key=None) for entry in entries[here[0] : here[-1] + 1]]:
            raise UncertainError
        new = [self._entry(after, name, entries[here[0]].package) for name in _names(after)]
        entries[here[0] : here[-1] + 1] = [entry._replace(key=entries[here[0]].key) for entry in new]

    @staticmethod
    def _is_of(entry: Entry, word: str) -> bool:
        override = parsed(word)
        if override.key_or_group not in command.LISTS:
            return entry.key == override.get_key_element()
        own = [(f"{override.key_or_group}/{name}", f"{override.key_or_group}.{name}") for name in _names(word)]
        return entry.key is None and (entry.path, entry.package) in own

    def _entry(self, word: str, name: str, package: str) -> Entry:
        """Where an option that a word chooses is merged; a package that a word gives is absolute, else the file's."""
        override = parsed(word)
        path = f"{override.key_or_group}/{name}"
        if override.package is not None:
            return Entry(path, package, None)
        file = self._file(path)
        stated = file.package if file else None
        if stated is None or "_group_" in stated or "_name_" in stated:
            raise UncertainError
        return Entry(path, "" if stated == "_global_" else stated.removeprefix("_global_."), None)

    def _file(self, path: str) -> OptionFile | None:
        if path not in self._files:
            found = next((file for one in self._directories if (file := one / f"{path}.yaml").is_file()), None)
            self._files[path] = None if found is None else read(found)
        return self._files[path]


def _names(word: str) -> list[str]:
    value: Any = parsed(word).value()
    return [str(name) for name in value] if isinstance(value, list) else [] if value is None else [str(value)]
