"""What a reader should know of a leaderboard, in sentences. Free of torch."""

from collections.abc import Sequence

from hybridfuse.report.board import Entry
from hybridfuse.report.compare import ALPHA, ALPHA_NAME, PairedTest, differences
from hybridfuse.report.estimate import LEVEL_NAME, Interval
from hybridfuse.report.metric import higher_is_better, is_share

_NAMED = 3


def caption(metric: str, interval: Interval, test: PairedTest, comparisons: int, seeds: int) -> str:
    """What the numbers are, and what marks the best."""
    better = "higher" if higher_is_better(metric) else "lower"
    order = f"Sorted by {metric} ({better} is better)"
    if seeds < 2:
        return f"{order}; a single seed each says nothing of other seeds."
    name = f"{interval.name}, shares cut at 0 and 1" if is_share(metric) else interval.name
    first = f"{order}: mean ± standard deviation over n seeds, {LEVEL_NAME} confidence interval of the mean ({name})."
    if not comparisons:
        return first
    return (
        f"{first} best or tied: not significantly worse than the best at {ALPHA_NAME} "
        f"({test.name} over common seeds, two-sided, Holm-corrected for {comparisons} "
        f"comparison{'s' * (comparisons != 1)} with the best). Both speak of other seeds, not of other data."
    )


def notes(entries: Sequence[Entry], metric: str, test: PairedTest) -> list[str]:
    """What to know before believing the numbers."""
    found = (
        _split(metric),
        _lost(entries, metric),
        _uneven(entries),
        _untested(entries),
        _blunt(entries, metric, test),
    )
    return [sentence for sentence in found if sentence]


def _split(metric: str) -> str:
    split = metric.partition("/")[0]
    if split == "val":
        return ""
    name = {"test": "the test split", "train": "the training split"}.get(split, split)
    return (
        f"Selected on {name}: the numbers of the best are too good by having been chosen, "
        "and say less of new data; select on validation, and report test."
    )


def _lost(entries: Sequence[Entry], metric: str) -> str:
    lost = [(e.label, len(e.rows) - e.estimates[metric].n, len(e.rows)) for e in entries]
    named = [f"{label} ({missing} of {all})" for label, missing, all in lost if missing]
    if not named:
        return ""
    return f"{metric} is not finite for some seeds, which means leave out: {_some(named)}."


def _uneven(entries: Sequence[Entry]) -> str:
    counts = [len(entry.rows) for entry in entries]
    if min(counts) == max(counts):
        return ""
    return f"Configurations have {min(counts)} to {max(counts)} seeds: a mean of few is less sure than it looks."


def _untested(entries: Sequence[Entry]) -> str:
    untested = [entry.label for entry in entries if entry.standing == "no test"]
    if not untested:
        return ""
    if len(untested) == len(entries) - 1:
        return "No test is possible: configurations have fewer than 2 seeds in common with the best."
    return f"No test is possible of what has fewer than 2 seeds in common with the best: {_some(untested)}."


def _blunt(entries: Sequence[Entry], metric: str, test: PairedTest) -> str:
    """That a test of ranks cannot find anything in so few seeds."""
    tested = [entry for entry in entries if entry.p is not None]
    if not tested:
        return ""
    best = entries[0].values(metric)
    most = max(len(differences(best, entry.values(metric))) for entry in tested)
    least = test.least(most) * len(tested)
    if least < ALPHA:
        return ""
    comparisons = f"{len(tested)} comparison{'s' * (len(tested) != 1)}"
    return (
        f"With {most} common seeds and {comparisons} the {test.name} cannot find any difference: "
        f"its smallest p is {min(1.0, least):.2g}."
    )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
