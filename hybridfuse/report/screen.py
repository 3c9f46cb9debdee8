"""Tables on a screen: drawn in a terminal, plain elsewhere, never cut. Free of torch."""

import re

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hybridfuse.report.sheet import Column, Sheet

_NARROWEST = 13
"""Characters that a name has at least; with fewer than twice as many, columns are stacked."""

_AROUND = 3
"""Characters of a column beside its text."""


def lines(sheet: Sheet) -> list[str]:
    """Title, table and sentences below; columns are as wide as their texts."""
    padded = [_padded(column) for column in sheet.columns]
    rows = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    return [sheet.title, *rows, *sheet.below]


def table(sheet: Sheet, width: int | None = None) -> Table:
    """Title and table, marked rows in bold.

    Where it does not fit, names of configurations are broken into lines, and where that is not enough, numbers that
    belong together stand below each other.

    Args:
        sheet: to be drawn.
        width: of the terminal, in characters; None asks the terminal. A table that cannot be as narrow is wider.
    """
    width = width or Console().width
    is_narrow = _room(sheet.columns, width) < 2 * _NARROWEST
    columns = stacked(sheet.columns) if is_narrow else sheet.columns
    drawn = Table(title=Text(sheet.title), title_justify="left", show_lines=is_narrow)
    for column in columns:
        drawn.add_column(Text(column.heading), justify="left" if column.words else "right", no_wrap=True)
    room = max(_NARROWEST, _room(columns, width))
    texts = [[_broken(text, room) if column.breaks else text for text in column.texts] for column in columns]
    for cells, marked in zip(zip(*texts, strict=True), sheet.marked, strict=True):
        drawn.add_row(*map(Text, cells), style="bold" if marked else None)
    drawn.width = sum(max(map(_width, [column.heading, *cells])) for column, cells in zip(columns, texts, strict=True))
    drawn.width += _AROUND * len(columns) + 1
    return drawn


def stacked(columns: list[Column]) -> list[Column]:
    """Columns that belong to the one before, below it."""
    found: list[Column] = []
    for column in columns:
        if not column.belongs:
            found.append(column)
            continue
        above = found[-1]
        texts = [f"{one}\n{other}" for one, other in zip(above.texts, column.texts, strict=True)]
        found[-1] = above._replace(heading=f"{above.heading}\n{column.heading}", texts=texts)
    return found


def show(sheet: Sheet) -> None:
    """Prints a table and the sentences below, in a terminal drawn, elsewhere plain."""
    console = Console()
    if console.is_terminal:
        drawn = table(sheet)
        console.print(drawn, width=drawn.width, crop=False, no_wrap=True)
        print(*sheet.below, sep="\n", flush=True)
    else:
        print(*lines(sheet), sep="\n", flush=True)


def _width(text: str) -> int:
    return max(map(len, text.split("\n")))


def _room(columns: list[Column], width: int) -> int:
    """Characters that are left for what can be broken."""
    fixed = [max(map(_width, [column.heading, *([] if column.breaks else column.texts)])) for column in columns]
    return (
        width
        - sum(fixed)
        - _AROUND * len(columns)
        - 1
        + sum(wide for wide, column in zip(fixed, columns, strict=True) if column.breaks)
    )


def _broken(text: str, width: int) -> str:
    """Lines of at most `width` characters, which end at a space or after a plus where there is one."""
    found = [""]
    for part in re.findall(rf"\n|[^+ \n]{{1,{width - 1}}}[+ ]?|[+ ]", text):
        if part == "\n" or len(found[-1]) + len(part.rstrip()) > width:
            found.append("")
        found[-1] += part.strip("\n")
    return "\n".join(line.rstrip() for line in found)


def _padded(column: Column) -> list[str]:
    width = max(map(len, [column.heading, *column.texts]))
    return [text.ljust(width) if column.words else text.rjust(width) for text in [column.heading, *column.texts]]
