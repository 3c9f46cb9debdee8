"""Makes leaderboards of runs: groups replicates, and finds which configurations may be the best. Free of torch."""

import math
from collections.abc import Mapping, Sequence

from hybridfuse import check
from hybridfuse.report import notes
from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.compare import ALPHA, TESTS, PairedTest, differences, holm, step
from hybridfuse.report.estimate import INTERVALS, Estimate, Interval, cut, estimate
from hybridfuse.report.label import labels
from hybridfuse.report.metric import beside, chosen_of_each, higher_is_better, is_share
from hybridfuse.report.question import by_question
from hybridfuse.report.row import Row


def leaderboards(
    rows: Sequence[Row], metric: str | None = None, interval: str = "t", test: str = "t"
) -> list[Leaderboard]:
    """A leaderboard for each data set of finished runs.

    The best is chosen by the numbers that it is compared by. What holds nevertheless: what is truly the best is called
    worse in fewer than 3 % of leaderboards (simulated: 2 to 100 configurations, 3 to 10 seeds, normal values). What
    does not: that of 100 configurations which are all alike, none is called worse; this happens in a third.

    Args:
        rows: of `folder.read`; those that are not done are left out.
        metric: that decides; None is the accuracy, RMSE, MSE or loss on validation.
        interval: t or bootstrap.
        test: t or wilcoxon.

    Raises:
        ValueError: if one of the names is none, with the nearest.
    """
    kind, paired = INTERVALS[check.choice("interval", interval, INTERVALS)], TESTS[check.choice("test", test, TESTS)]
    found = by_question([row for row in rows if row.status == "done"])
    deciding = chosen_of_each(
        metric, {data: {name for row in of for name in row.metrics} for data, of in found.items()}
    )
    unfinished = [row for row in rows if row.status != "done"]
    return [_leaderboard(data, of, unfinished, deciding[data], kind, paired) for data, of in found.items()]


def leaderboard(rows: Sequence[Row], metric: str | None = None, interval: str = "t", test: str = "t") -> Leaderboard:
    """The leaderboard of finished runs of one data set; as `leaderboards`.

    Raises:
        ValueError: if no run is done, or the data sets are several.
    """
    found = leaderboards(rows, metric, interval, test)
    if len(found) != 1:
        raise ValueError(
            f"runs must be of one data set, got {', '.join(board.data for board in found) or 'none done'}."
        )
    return found[0]


def configurations(rows: Sequence[Row]) -> list[tuple[Row, ...]]:
    """Runs that differ in the seed alone, by seed; of two with the same seed the newest.

    The hash of a configuration does not know in which order functions are fused, which some fusions mind.
    """
    found: dict[tuple[object, ...], dict[int, Row]] = {}
    for row in sorted(rows, key=lambda row: (row.written, row.folder)):
        found.setdefault((row.configuration, row.interdependence), {})[row.seed] = row
    return [tuple(by_seed[seed] for seed in sorted(by_seed)) for _, by_seed in sorted(found.items())]


def _leaderboard(
    data: str, rows: Sequence[Row], unfinished: Sequence[Row], metric: str, interval: Interval, test: PairedTest
) -> Leaderboard:
    groups = configurations(rows)
    others = beside(metric, {name for row in rows for name in row.metrics})
    estimates = [_estimates([row.metrics for row in group], [metric, *others], interval) for group in groups]
    named = labels(groups, [row for row in unfinished if row.data in {one.data for one in rows}])
    unranked = [Entry(*of, "no result", None) for of in zip(named, groups, estimates, strict=True)]
    entries = _compared(sorted(unranked, key=lambda entry: _place(entry, metric)), metric, test)
    naive = _naive([row for group in groups for row in group], [metric, *others], interval)
    comparisons = len([entry for entry in entries if entry.p is not None])
    seeds = max((of.n for some in [*estimates, naive] for of in some.values()), default=0)
    caption = notes.caption(metric, interval, test, comparisons, seeds)
    return Leaderboard(data, metric, others, entries, naive, caption, notes.notes(entries, metric, test))


def _naive(rows: Sequence[Row], metrics: Sequence[str], interval: Interval) -> dict[str, Estimate]:
    """Of each seed once; nothing where no run says it."""
    found = list({row.seed: row.baseline for row in rows if row.baseline}.values())
    return _estimates(found, [metric for metric in metrics if any(metric in one for one in found)], interval)


def _estimates(found: Sequence[Mapping[str, float]], metrics: Sequence[str], interval: Interval) -> dict[str, Estimate]:
    of = {metric: estimate([run.get(metric, math.nan) for run in found], interval.bounds) for metric in metrics}
    return {metric: cut(one) if is_share(metric) else one for metric, one in of.items()}


def _place(entry: Entry, metric: str) -> tuple[float, str]:
    mean = entry.estimates[metric].mean
    if math.isnan(mean):
        return math.inf, entry.label
    mean = float(f"{mean:.9g}")  # means of the same numbers in another order are equal
    return -mean if higher_is_better(metric) else mean, entry.label


def _compared(entries: Sequence[Entry], metric: str, test: PairedTest) -> list[Entry]:
    """The same with their standing, the first being the best."""
    ranked = [entry for entry in entries if entry.estimates[metric].n]
    values = [entry.values(metric) for entry in ranked]
    smallest = step(value for by_seed in values for value in by_seed.values())
    pairs = [differences(values[0], other) for other in values[1:]]
    tested = [place for place, pair in enumerate(pairs) if len(pair) > 1]
    corrected = dict(zip(tested, holm([test.p(pairs[place], smallest) for place in tested]), strict=True))
    sign = 1 if higher_is_better(metric) else -1
    others = [_standing(corrected.get(place), sign * float(pair.sum())) for place, pair in enumerate(pairs)]
    standings = [("best", None), *others] if ranked else []
    return [
        Entry(entry.label, entry.rows, entry.estimates, *standing)
        for entry, standing in zip(ranked, standings, strict=True)
    ] + [entry for entry in entries if not entry.estimates[metric].n]


def _standing(p: float | None, lead: float) -> tuple[str, float | None]:
    """Of a configuration that the best leads by so much; over common seeds it may be the other way round."""
    if p is None:
        return "no test", None
    return ("worse" if p < ALPHA and lead > 0 else "tied"), p
