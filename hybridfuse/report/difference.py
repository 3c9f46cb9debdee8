"""What became of each configuration between two folders, seed by seed. Free of torch."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hybridfuse import check
from hybridfuse.report.compare import ALPHA, ALPHA_NAME, TESTS, PairedTest, differences, holm, step
from hybridfuse.report.estimate import INTERVALS, LEVEL_NAME, Estimate, Interval, estimate
from hybridfuse.report.label import labels
from hybridfuse.report.leaderboard import configurations
from hybridfuse.report.metric import chosen_of_each, higher_is_better
from hybridfuse.report.number import Numbers, probability
from hybridfuse.report.question import by_question
from hybridfuse.report.row import Row
from hybridfuse.report.sheet import Column, Sheet

Runs = tuple[Row, ...]


class Change(NamedTuple):
    """What became of a configuration: before, after, the mean difference over common seeds, its corrected p."""

    label: str
    before: Estimate
    after: Estimate
    difference: Estimate
    p: float | None


def compared(
    before: Sequence[Row], after: Sequence[Row], metric: str | None = None, interval: str = "t", test: str = "t"
) -> list[Sheet]:
    """For each data set of both a table of the configurations of both.

    Args:
        before: the runs of a folder.
        after: the runs of another.
        metric: to be compared; None is the accuracy, RMSE, MSE or loss on validation.
        interval: t or bootstrap.
        test: t or wilcoxon.

    Raises:
        ValueError: if one of the names is none, with the nearest.
    """
    kind, paired = INTERVALS[check.choice("interval", interval, INTERVALS)], TESTS[check.choice("test", test, TESTS)]
    sides = [[row for row in rows if row.status == "done"] for rows in (before, after)]
    found = {data: _split(group, sides) for data, group in by_question([*sides[0], *sides[1]]).items()}
    both = {data: (old, new) for data, (old, new) in found.items() if old and new}
    names = {data: {name for row in (*old, *new) for name in row.metrics} for data, (old, new) in both.items()}
    metrics = chosen_of_each(metric, names)
    return [_compared(data, old, new, metrics[data], kind, paired) for data, (old, new) in both.items()]


def _split(group: Sequence[Row], sides: Sequence[Sequence[Row]]) -> tuple[list[Row], list[Row]]:
    """Those of a group that are before, and those that are after."""
    known = {id(row) for row in group}
    old, new = ([row for row in side if id(row) in known] for side in sides)
    return old, new


def _compared(
    data: str, old: Sequence[Row], new: Sequence[Row], metric: str, kind: Interval, test: PairedTest
) -> Sheet:
    found = changes(old, new, metric, kind, test)
    alone = [len(configurations(side)) - len(found) for side in (old, new)]
    said = f"Configurations that are only before: {alone[0]}; only after: {alone[1]}."
    return _sheet(f"{data}, {metric}", found, metric, [_caption(found, kind, test), said])


def changes(
    before: Sequence[Row], after: Sequence[Row], metric: str, interval: Interval, test: PairedTest
) -> list[Change]:
    """What became of each configuration that has runs before and after, that which is best after first."""
    both = pairs(configurations(before), configurations(after))
    old = [_values(runs, metric) for runs, _ in both]
    new = [_values(runs, metric) for _, runs in both]
    found = [differences(*sides) for sides in zip(new, old, strict=True)]
    ps = _corrected(found, step(value for side in (*old, *new) for value in side.values()), test)
    names = labels([runs for _, runs in both])
    of = [[estimate(list(side.values()), interval.bounds) for side in sides] for sides in (old, new)]
    unsorted = map(Change, names, *of, [estimate(list(one), interval.bounds) for one in found], ps)
    sign = -1 if higher_is_better(metric) else 1
    return sorted(unsorted, key=lambda change: (math.isnan(change.after.mean), sign * change.after.mean, change.label))


def _corrected(found: Sequence[Float[np.ndarray, " n"]], smallest: float, test: PairedTest) -> list[float | None]:
    """The corrected p of each configuration; None where fewer than two seeds are common."""
    tested = [place for place, change in enumerate(found) if len(change) > 1]
    ps = holm([test.p(found[place], smallest) for place in tested])
    return [dict(zip(tested, ps, strict=True)).get(place) for place in range(len(found))]


def pairs(before: Sequence[Runs], after: Sequence[Runs]) -> list[tuple[Runs, Runs]]:
    """The same configurations: of one hash, or where program or defaults have changed, of the same words."""
    known = {_words(group[0]): group for group in before} | {_hash(group[0]): group for group in before}
    matches = [(known.get(_hash(group[0])) or known.get(_words(group[0])), group) for group in after]
    return [(old, new) for old, new in matches if old]


def _hash(row: Row) -> tuple[object, ...]:
    return row.configuration, row.interdependence


def _words(row: Row) -> tuple[object, ...]:
    """Without the experiment, which may be what the folders are called by."""
    return row.meaning[1:]


def _values(rows: Sequence[Row], metric: str) -> dict[int, float]:
    return {row.seed: row.metrics.get(metric, math.nan) for row in rows}


def _sheet(title: str, found: Sequence[Change], metric: str, below: list[str]) -> Sheet:
    numbers = Numbers(of.mean for change in found for of in (change.before, change.after))
    verdicts = [_verdict(change, metric) for change in found]
    columns = [
        Column("change", verdicts, words=True),
        Column("configuration", [change.label for change in found], words=True, marks=True, breaks=True),
        Column("before", [numbers.spread(change.before) for change in found]),
        Column("after", [numbers.spread(change.after) for change in found], belongs=True),
        Column("common seeds", [str(change.difference.n) for change in found]),
        Column("after - before", [numbers.number(change.difference.mean) for change in found], marks=True),
        Column(f"{LEVEL_NAME} interval", [numbers.interval(change.difference) for change in found], belongs=True),
        Column("p", [probability(change.p) for change in found], belongs=True),
    ]
    marked = [verdict in ("better", "worse") for verdict in verdicts]
    return Sheet(title, columns, marked, below)


def _caption(found: Sequence[Change], interval: Interval, test: PairedTest) -> str:
    tested = sum(change.p is not None for change in found)
    return (
        f"after - before: mean of common seeds, {LEVEL_NAME} confidence interval of the mean ({interval.name}); "
        f"better or worse: significant at {ALPHA_NAME} ({test.name} over common seeds, two-sided, "
        f"Holm-corrected for {tested} configuration{'s' * (tested != 1)})."
    )


def _verdict(change: Change, metric: str) -> str:
    if change.p is None:
        return "no test"
    if change.p >= ALPHA:
        return "unclear"
    return "better" if (change.difference.mean > 0) == higher_is_better(metric) else "worse"
