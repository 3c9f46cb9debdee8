"""The plan of a sweep: its jobs, each once. Free of torch."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from hybridfuse import __version__, command
from hybridfuse.command import CommandError
from hybridfuse.description import Description
from hybridfuse.sweep.composition import Composed, Composer, Draft
from hybridfuse.sweep.condition import Defaults
from hybridfuse.sweep.controls import controls
from hybridfuse.sweep.settings import Settings, settings
from hybridfuse.sweep.space import Space
from hybridfuse.sweep.uncollected import uncollected
from hybridfuse.sweep.words import Words, alternatives, is_about_sweep, key, parsed


class Merged(NamedTuple):
    """A configuration that is no job of its own.

    Args:
        words: those that ask for it.
        into: those of the equal one that stays.
        reason: why they are equal, in words.
    """

    words: Words
    into: Words
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a sweep consists of.

    Args:
        words: the command's.
        name: of the folder below `runs`.
        jobs: each once, all configurations with the first seed, then all with the next one.
        merged: configurations that are equal to others.
        sweep: what the configuration says of the sweep.
    """

    words: tuple[str, ...]
    name: str
    jobs: Sequence[Description]
    merged: Sequence[Merged]
    sweep: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """Hash of the jobs, in any order."""
        return hashlib.sha256("\n".join(sorted(str(job.folder) for job in self.jobs)).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Where the sweep's own files lie."""
        return Path(str(self.jobs[0].plain["runs"])) / self.name

    @property
    def path(self) -> Path:
        """Where the plan is to be written."""
        return self.folder / f"sweep-{self.digest[:10]}.json"

    def json(self) -> str:
        """All of it that is not in the records."""
        told = {
            "version": json.dumps(__version__),
            "name": json.dumps(self.name),
            "digest": json.dumps(self.digest),
            "words": json.dumps(self.words),
            "jobs": _lines({"folder": job.folder.name, "overrides": job.overrides} for job in self.jobs),
            "merged": _lines(one._asdict() for one in self.merged),
        }
        return "{\n" + ",\n".join(f' "{name}": {text}' for name, text in told.items()) + "\n}\n"


def _lines(nodes: Iterable[Mapping[str, Any]]) -> str:
    """A list as JSON, a line each; `json` does this ten times as fast as it indents."""
    return "[\n  " + ",\n  ".join(map(json.dumps, nodes)) + "\n ]"


def plan(conf: Path, words: Sequence[str], config_dir: str | None = None) -> Plan:
    """The plan of a command.

    Args:
        conf: where the groups are.
        words: of the command, sweeps included; those of Hydra are passed over.
        config_dir: more groups, of the user.

    Raises:
        CommandError: at the first thing that is wrong; nothing is written or started then.
    """
    return planned(Composer(conf, config_dir), words)


@uncollected()
def planned(composer: Composer, words: Sequence[str]) -> Plan:
    """The plan of a command, its configurations from a composer that may know some already."""
    of_jobs, probe = probed(composer, words)
    chosen = settings(probe.tree)
    space = Space(of_jobs, chosen, composer.directories)
    found = _configurations(composer, space.jobs(Defaults(probe, space.keys)), chosen)
    unique, merged = _unique(found)
    name = chosen.name or _experiment(unique)
    return Plan(tuple(words), name, _replicates(unique, chosen), merged, probe.tree["sweep"])


def probed(composer: Composer, words: Sequence[str]) -> tuple[list[str], Composed]:
    """The words of the jobs, and a configuration that says what the sweep is."""
    own = [word for word in words if not command.is_of_hydra(word)]
    of_sweep, of_jobs = ([word for word in own if is_about_sweep(word) is about] for about in (True, False))
    probe = composer.composed((*_first_experiment(of_jobs, composer), *map(_unswept, of_sweep)))
    command.check_settings(probe.tree)
    return of_jobs, probe


def _first_experiment(words: Sequence[str], composer: Composer) -> list[str]:
    """The experiment, which may set something of the sweep, too."""
    return [alternatives(word, composer.directories)[0] for word in words if key(word) == "experiment"]


def _unswept(word: str) -> str:
    if parsed(word).is_sweep_override():
        name, _, value = word.partition("=")
        raise CommandError(f"{name} is one for the whole sweep, got {value}; a list is {name}=[{value}].")
    return word


def _configurations(composer: Composer, jobs: Iterable[Words], chosen: Settings) -> list[Draft]:
    """Those of the jobs, then those that accompany them."""
    found = [composer.draft(words, chosen.name) for words in jobs]
    if chosen.controls:
        beside = dict.fromkeys(words for one in found for words in controls(one.words, one.shared.functions))
        found += [composer.draft(words, chosen.name) for words in beside]
    return found


def _unique(found: Iterable[Draft]) -> tuple[list[Draft], list[Merged]]:
    """The first of those that mean the same, and what became of the others."""
    kept: dict[tuple[str, Any], Draft] = {}
    merged: list[Merged] = []
    for one in found:
        first = kept.setdefault((one.shared.meaning, one.seed), one)
        if first is not one and first.words != one.words:
            merged.append(Merged(one.words, first.words, _reason(one, first)))
    return list(kept.values()), merged


def _reason(one: Draft, first: Draft) -> str:
    """Why two configurations mean the same."""
    if not one.shared.functions:
        return "the network takes no functions"
    if (
        sorted(one.shared.functions) == sorted(first.shared.functions)
        and one.shared.functions != first.shared.functions
    ):
        return f"{one.shared.choices['fusion']} does not depend on the order of functions"
    if one.shared.digest == first.shared.digest:
        return "the settings are the same"
    if len(one.shared.functions) == 1 and one.shared.choices["fusion"] != first.shared.choices["fusion"]:
        return f"{one.shared.choices['fusion']} returns a single matrix as it is"
    return "what differs is not in use"


def _experiment(found: Sequence[Draft]) -> str:
    """The folder of a sweep that has no name of its own; of several experiments, the default one's."""
    names = {one.shared.choices.get("experiment") for one in found}
    return str((names.pop() if len(names) == 1 else None) or "default")


def _replicates(found: Sequence[Draft], chosen: Settings) -> list[Description]:
    if not chosen.seeds:
        return [one.description() for one in found]
    return [one.description(seed) for seed in chosen.seeds for one in found]
