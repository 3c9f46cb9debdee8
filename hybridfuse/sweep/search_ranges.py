"""Ranges of the command line, in Hydra's words, as parameters of a search. Free of torch, and of Optuna."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep, Sweep

from hybridfuse import check, command
from hybridfuse.command import CommandError
from hybridfuse.sweep.search_parameter import Choices, Parameter, Real, Value, Whole, word_of
from hybridfuse.sweep.words import alternatives, key, parsed

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Values = Mapping[str, Value]
"""What a trial has chosen, by key."""


class Ranges:
    """All that trials choose from.

    Args:
        words: those with several values: `choice`, `a,b`, `glob`, `range`, `interval`, `int(interval)`. Both ends of an
            interval are included; `tag(log, …)` puts a range or an interval on a logarithmic scale.
        directories: where groups have their options.

    Raises:
        CommandError: if there is no such word, or one has no values.
    """

    def __init__(self, words: Sequence[str], directories: Sequence[Path]) -> None:
        if not words:
            raise CommandError("sweep.search needs a range to search, such as 'model.dropout=interval(0,0.5)'.")
        for name, number in Counter(map(key, words)).items():
            if number > 1:
                raise CommandError(f"{name} is given {number} times; it takes one range.")
        self._parameters = [_parameter(word, directories) for word in sorted(words, key=key)]

    def __str__(self) -> str:
        return "; ".join(map(str, self._parameters))

    @property
    def distributions(self) -> "dict[str, BaseDistribution]":
        """The same for Optuna."""
        return {parameter.key: parameter.distribution for parameter in self._parameters}

    def drawn(self, random: Random) -> Values:
        """Values by chance."""
        return {parameter.key: parameter.drawn(random) for parameter in self._parameters}

    def words(self, values: Values) -> list[str]:
        """What asks for the values."""
        return [word_of(parameter, values[parameter.key]) for parameter in self._parameters]

    def examples(self) -> Iterator[list[str]]:
        """The first value of each parameter, then in turn every other choice of one."""
        examples = [parameter.examples() for parameter in self._parameters]
        firsts = [words[0] for words in examples]
        yield firsts
        for place, words in enumerate(examples):
            for other in words[1:]:
                yield [*firsts[:place], other, *firsts[place + 1 :]]


def _parameter(word: str, directories: Sequence[Path]) -> Parameter:
    value = parsed(word).value()
    command.check_choice(parsed(word), directories)
    if isinstance(value, Sweep):
        _check_tags(word, value)
    if isinstance(value, IntervalSweep):
        return _interval(word, value)
    if isinstance(value, RangeSweep):
        return _range(word, value)
    values = {one.removeprefix(f"{key(word)}=") for one in alternatives(word, directories)}
    if not values:
        raise CommandError(f"{word} sweeps over nothing.")
    return Choices(key(word), tuple(sorted(values)))


def _check_tags(word: str, sweep: Sweep) -> None:
    known = [] if isinstance(sweep, ChoiceSweep) else ["log"]
    for tag in sorted(sweep.tags - set(known)):
        rule = f"must be log{check.nearest(tag, known)}" if known else "has no meaning for values without an order"
        raise CommandError(f"the tag {tag} of {word} {rule.rstrip('?')}{'?' if '?' in rule else '.'}")


def _interval(word: str, interval: IntervalSweep) -> Parameter:
    start, end = interval.start, interval.end
    if start is None or end is None or not (math.isfinite(start) and math.isfinite(end)):
        raise CommandError(f"{word} must have finite ends.")
    if not start < end:
        raise CommandError(f"{word} must have its smaller end first, got {start:g} and {end:g}.")
    log = _is_log(word, interval, start)
    if isinstance(start, int) and isinstance(end, int):
        return Whole(key(word), start, end, log=log)
    return Real(key(word), start, end, log=log)


def _range(word: str, sweep: RangeSweep) -> Parameter:
    start, stop, step = sweep.start or 0, sweep.stop or 0, sweep.step
    count = (stop - start) / step if step else 0.0
    if not all(map(math.isfinite, (start, stop, step, count))):
        raise CommandError(f"{word} must have finite ends.")
    steps = math.ceil(count - 1e-9) - 1  # as Hydra does: `stop` is none of the values
    if steps < 0:
        raise CommandError(f"{word} sweeps over nothing: no step leads from {start:g} towards {stop:g}.")
    low, high = sorted((start, start + steps * step))
    log, step = _is_log(word, sweep, low), abs(step)
    if log and step != 1:
        raise CommandError(f"{word} must have a step of 1 on a logarithmic scale, got {step:g}.")
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, int):
        return Whole(key(word), low, high, step, log)
    if log:
        raise CommandError(f"{word} must have whole ends on a logarithmic scale, or be an interval.")
    return Real(key(word), _rounded(low), _rounded(high), _rounded(step))


def _is_log(word: str, sweep: Sweep, low: float) -> bool:
    log = "log" in sweep.tags
    if log and low <= 0:
        raise CommandError(f"{word} must begin above 0 on a logarithmic scale, got {low:g}.")
    return log


def _rounded(value: float) -> float:
    """Without the last digits, in which sums of steps miss their ends."""
    return float(f"{value:.12g}")
