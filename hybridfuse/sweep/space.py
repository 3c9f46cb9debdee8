"""The jobs that a command asks for, as words. Free of torch."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hybridfuse import check, command
from hybridfuse.command import CommandError
from hybridfuse.sweep import jobfile
from hybridfuse.sweep.condition import Condition, Defaults
from hybridfuse.sweep.in_use import InUse
from hybridfuse.sweep.settings import Settings
from hybridfuse.sweep.words import Words, alternatives, count, is_about_sweep, key, parsed

_FUNCTIONS = "interdependence"
_TOO_MANY_TO_COUNT = 100


class Space:
    """A product of axes, less what is left out.

    Args:
        words: of the command, those of Hydra and of the sweep left out.
        settings: of the sweep.
        directories: where the groups are.

    Raises:
        CommandError: at the first thing that is wrong.
    """

    def __init__(self, words: Sequence[str], settings: Settings, directories: Sequence[Path]) -> None:
        self._settings, self._directories = settings, directories
        self._listed = jobfile.read(settings.jobs) if settings.jobs else []
        self._words = list(words)
        self._check_words()
        self._check_functions()
        self._check_paired()

    @property
    def keys(self) -> list[str]:
        """What some job has a word for."""
        return list(dict.fromkeys(key(word) for word in itertools.chain(self._words, *self._listed)))

    def jobs(self, defaults: Defaults) -> list[Words]:
        """The words of each configuration, none twice; replicates left out.

        Raises:
            CommandError: if there are more than `sweep.max_jobs`, or none.
        """
        self._limit(self._sizes(), len(self._settings.only_if) + len(self._settings.exclude))
        for name in self._settings.only_if:
            if name not in self.keys:
                end = check.nearest(name, self.keys) or "."
                raise CommandError(f"sweep.only_if names {name}, which the command does not set{end}")
        only_if = {
            name: Condition(words, self._directories, defaults) for name, words in self._settings.only_if.items()
        }
        exclude = [Condition(words, self._directories, defaults) for words in self._settings.exclude]
        product = (tuple(itertools.chain(*parts)) for parts in itertools.product(*self._axes()))
        words = list(itertools.chain(self._words, *self._listed))
        in_use = InUse(words, self._settings.functions, self._directories)
        kept = (in_use.of(_chosen(job, only_if)) for job in product)
        found = list(dict.fromkeys(job for job in kept if not any(condition.holds(job) for condition in exclude)))
        self._limit([len(found)], 0)
        return found

    def _condition(self, words: str, defaults: Defaults) -> Condition:
        return Condition(words, self._directories, defaults)

    def _limit(self, sizes: Sequence[int], conditions: int) -> None:
        number = math.prod(sizes) * max(1, len(self._settings.seeds))
        allowed = self._settings.max_jobs
        if number > allowed * (_TOO_MANY_TO_COUNT if conditions else 1):
            raise CommandError(f"this sweep has {number:,} jobs, more than sweep.max_jobs={allowed} allows.")
        if not number:
            raise CommandError("this sweep has no jobs: sweep.exclude leaves none.")

    def _sizes(self) -> list[int]:
        """How long each axis is at most."""
        paired = [name for keys in self._settings.paired for name in keys[1:]]
        sizes = [count(word, self._directories) for word in self._words if key(word) not in paired]
        subsets = sum(math.comb(len(self._settings.functions), size) for size in self._settings.sizes)
        listed = sum(math.prod(count(word, self._directories) for word in job) for job in self._listed)
        return [*sizes, *([subsets] if self._settings.functions else []), *([listed] if self._listed else [])]

    def _axes(self) -> Iterator[list[Words]]:
        """What is chosen one of, for each job."""
        paired = {name: keys for keys in self._settings.paired for name in keys}
        words = {key(word): [(one,) for one in alternatives(word, self._directories)] for word in self._words}
        if self._settings.functions:
            yield [(f"{_FUNCTIONS}=[{','.join(names)}]",) for names in self._subsets()]
        for name, values in words.items():
            if name not in paired:
                yield values
            elif name == paired[name][0]:
                together = zip(*(words[other] for other in paired[name]), strict=True)
                yield [tuple(itertools.chain(*parts)) for parts in together]
        if self._listed:
            yield [job for words in self._listed for job in self._expanded(words)]

    def _subsets(self) -> Iterator[tuple[str, ...]]:
        for size in self._settings.sizes:
            yield from itertools.combinations(self._settings.functions, size)

    def _expanded(self, words: Words) -> Iterator[Words]:
        return itertools.product(*(alternatives(word, self._directories) for word in words))

    def _check_words(self) -> None:
        """CommandError if a word is wrong, or the words of a job do not go together."""
        for word in dict.fromkeys(itertools.chain(self._words, *self._listed)):
            command.check_choice(parsed(word), self._directories)
            if command.is_of_hydra(word) or is_about_sweep(word):
                raise CommandError(f"sweep.jobs must not say {word}, which is of the whole sweep.")
            if key(word) == "seed" and self._settings.seeds:
                raise CommandError(f"sweep.seeds takes the place of {word}: leave out one of them.")
            if key(word) == _FUNCTIONS and self._settings.functions:
                raise CommandError(f"sweep.from takes the place of {word}: leave out one of them.")
        for job in self._listed or [()]:
            doubled = [name for name, number in Counter(map(key, (*self._words, *job))).items() if number > 1]
            if doubled:
                listed = doubled[0] in map(key, job) and doubled[0] in map(key, self._words)
                by = f": by the command and by {self._settings.jobs}" if listed else ""
                raise CommandError(f"{doubled[0]} is given twice{by}.")

    def _check_functions(self) -> None:
        functions = self._settings.functions
        if len(set(functions)) < len(functions):
            raise CommandError(f"sweep.from must name each function once, got [{', '.join(functions)}].")
        if functions:
            command.check_names("sweep.from", functions, command.options(self._directories, _FUNCTIONS))

    def _check_paired(self) -> None:
        given = {key(word): word for word in self._words}
        for keys in self._settings.paired:
            for name in keys:
                if name not in given:
                    end = check.nearest(name, given) or "."
                    raise CommandError(f"sweep.paired names {name}, which the command does not sweep over{end}")
            sizes = [count(given[name], self._directories) for name in keys]
            if len(set(sizes)) > 1:
                told = ", ".join(f"{size} of {name}" for name, size in zip(keys, sizes, strict=True))
                raise CommandError(f"sweep.paired needs equally many values, got {told}.")


def _chosen(job: Words, only_if: dict[str, Condition]) -> Words:
    """The words of a job, those left out whose condition does not hold."""
    return tuple(word for word in job if key(word) not in only_if or only_if[key(word)].holds(job))
