"""A leaderboard as columns of texts, which all forms of it share. Free of torch."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.estimate import LEVEL_NAME, Estimate
from hybridfuse.report.number import Numbers, duration, probability

_UNKNOWN = Estimate(math.nan, math.nan, math.nan, math.nan, 0)
_WITH_INTERVAL = 2


class Column(NamedTuple):
    """A heading and a text a row.

    Args:
        heading: above the column.
        texts: one a row.
        words: whether they are words, set to the left, or numbers, set to the right.
        marks: whether its texts are bold in marked rows.
        belongs: whether its texts may stand below those of the column before.
        breaks: whether its texts may be broken into lines.
    """

    heading: str
    texts: list[str]
    words: bool = False
    marks: bool = False
    belongs: bool = False
    breaks: bool = False


class Sheet(NamedTuple):
    """A table of texts under a title.

    Args:
        title: of the table.
        columns: of the table.
        marked: whether a row is of the best configuration or of one not significantly worse.
        below: sentences to be read with the table.
    """

    title: str
    columns: list[Column]
    marked: list[bool]
    below: list[str]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The texts of each row."""
        return list(zip(*(column.texts for column in self.columns), strict=True))


def sheet(board: Leaderboard, top: int | None = None) -> Sheet:
    """The first `top` configurations, then the naive answer where metrics of it are known."""
    shown = list(board.entries[:top])
    end = [""] if board.naive else []
    names = [entry.label for entry in shown] + ["naive answer"] * len(end)
    columns = [
        Column("standing", [entry.standing for entry in shown] + end, words=True),
        Column("configuration", names, words=True, marks=True, breaks=True),
        Column("kind", [entry.kind for entry in shown] + ["naive"] * len(end), words=True, belongs=True),
        Column("n", [_seeds(entry, board.metric) for entry in shown] + end, belongs=True),
        *(column for place in range(len(board.metrics)) for column in _measured(board, shown, place)),
        Column("time", [duration(entry.seconds) for entry in shown] + end),
        Column("parameters", [_count(entry.parameters) for entry in shown] + end, belongs=True),
    ]
    marked = [entry.standing in ("best", "tied") for entry in shown]
    rest = len(board.entries) - len(shown)
    more = [f"and {rest} more configuration{'s' * (rest != 1)}"] if rest else []
    return Sheet(board.data, columns, marked + [False] * len(end), [*more, board.caption, *board.notes])


def _measured(board: Leaderboard, shown: list[Entry], place: int) -> Iterator[Column]:
    """Columns of a metric: all have mean and deviation, the first two intervals, the first p as well."""
    metric = board.metrics[place]
    found = [entry.estimates[metric] for entry in shown]
    found += [board.naive.get(metric, _UNKNOWN)] if board.naive else []
    numbers = Numbers(entry.estimates[metric].mean for entry in board.entries)
    is_more = place >= _WITH_INTERVAL
    yield Column(metric, [numbers.spread(one) for one in found], marks=place == 0, belongs=is_more)
    if not is_more:
        yield Column(f"{LEVEL_NAME} interval", [numbers.interval(one) for one in found], belongs=True)
    if place == 0:
        yield Column("p", [probability(entry.p) for entry in shown] + [""] * (len(found) - len(shown)), belongs=True)


def _seeds(entry: Entry, metric: str) -> str:
    n, all_ = entry.estimates[metric].n, len(entry.rows)
    return str(n) if n == all_ else f"{n} of {all_}"


def _count(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters:,}"
