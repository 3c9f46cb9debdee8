"""Leaderboards as Markdown. Free of torch."""

import re
from collections.abc import Sequence

from hybridfuse.report.board import Leaderboard
from hybridfuse.report.sheet import sheet


def text(boards: Sequence[Leaderboard]) -> str:
    """A section a leaderboard; the best and those not significantly worse in bold."""
    return "\n".join(map(_section, boards))


def _section(board: Leaderboard) -> str:
    found = sheet(board)
    headings = [_escaped(column.heading) for column in found.columns]
    align = ["---" if column.words else "---:" for column in found.columns]
    rows = [
        [_cell(cell, marked and column.marks) for cell, column in zip(row, found.columns, strict=True)]
        for row, marked in zip(found.rows, found.marked, strict=True)
    ]
    table = [f"| {' | '.join(cells)} |" for cells in (headings, align, *rows)]
    said = [f"{_escaped(sentence)}\n" for sentence in found.below]
    return "\n".join([f"## {_escaped(found.title)}\n", *table, "", *said])


def _cell(text: str, marked: bool) -> str:
    return f"**{_escaped(text)}**" if marked and text else _escaped(text)


def _escaped(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", text)
