"""From the cells of a file to a time series, or a sentence about the cell at fault."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from hybridfuse.data import columns
from hybridfuse.data.cells import Cells, check_name, override

if TYPE_CHECKING:
    import polars as pl

_UNEVEN = 1.5
"""Months are of 28 to 31 days; a missing time makes a step of twice the usual one."""
_YEAR_FIRST = re.compile(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?(?=$|[T ])")


def values(
    cells: Cells, time: str | None, ignore: Sequence[str]
) -> tuple[Float[np.ndarray, "times channels"], list[str]]:
    """The numbers of all channels, and the names of these.

    Args:
        time: the column of dates or of numbers whose steps are found to be even; none by default.
        ignore: columns to leave out.

    Raises:
        ValueError: if there is no such column or no other, a cell is no finite number, or a time is missing, no date
            or number, not after the one before, or not a usual step after it.
    """
    names = list(cells.frame.columns)
    if time is not None:
        names.remove(check_name("time", time, names, cells.file))
    for name in ignore:
        check_name("ignore", name, names, cells.file)
    kept = [name for name in names if name not in ignore]
    if not kept:
        raise ValueError(f"{cells.file} must have a column of numbers besides the time, got none to keep.")
    if time is not None:
        check_steps(cells.frame[time], cells)
    return np.stack([_numbers(cells.frame[name], cells) for name in kept], axis=1), kept


def check_steps(column: "pl.Series", cells: Cells) -> None:
    """ValueError if the times of a column do not increase by even steps, to within half of the usual one."""
    steps = np.diff(_seconds(column, cells))
    usual = float(np.median(steps)) if len(steps) else 0.0
    for wrong, rule in (
        (steps <= 0, "must increase from row to row"),
        ((steps > _UNEVEN * usual) | (steps * _UNEVEN < usual), f"must go on in steps of {_span(column, usual)}"),
    ):
        if wrong.any():
            row = int(wrong.argmax()) + 1
            raise ValueError(
                f"column {column.name!r} {rule}, got {column[row]} after {column[row - 1]} in {cells.place(row)}; "
                f"{_remedy(float(steps[row - 1]))}, or do without times by data.time=null "
                f"data.ignore={override(column.name)}."
            )


def _remedy(step: float) -> str:
    return "fill the gap" if step > 0 else "sort the rows" if step < 0 else "delete one of the two rows"


def _span(column: "pl.Series", step: float) -> str:
    """A usual step in words; of months, days and hours alike."""
    return f"{step:g}" if _are_numbers(column) else str(timedelta(seconds=step))


def _are_numbers(column: "pl.Series") -> bool:
    import polars as pl

    return column.cast(pl.Float64, strict=False).null_count() == 0


def _seconds(column: "pl.Series", cells: Cells) -> Float[np.ndarray, " times"]:
    """Times as numbers: as they are, or since 1970 where they are dates."""
    import polars as pl

    if column.null_count():
        row = column.is_null().arg_true()[0]
        raise ValueError(f"column {column.name!r} must have a time in every row, got none in {cells.place(row)}.")
    if _are_numbers(column):
        return columns.numbers(column.cast(pl.Float64), column, cells, "fix the cell")
    return np.array([_second(column, row, cells) for row in range(len(column))])


def _second(column: "pl.Series", row: int, cells: Cells) -> float:
    try:
        moment = datetime.fromisoformat(_iso(column[row]))
    except ValueError as error:
        raise ValueError(
            f"column {column.name!r} must hold numbers or dates such as 2016-07-01 13:00:00, got {column[row]!r} in "
            f"{cells.place(row)}; write dates with the year first."
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _iso(text: str) -> str:
    """As Python 3.10 reads it: slashes as hyphens, a month as its first day, Z as +00:00."""
    text = _YEAR_FIRST.sub(lambda found: f"{found[1]}-{int(found[2]):02d}-{int(found[3] or 1):02d}", text, count=1)
    return text.removesuffix("Z") + "+00:00" * text.endswith("Z")


def _numbers(column: "pl.Series", cells: Cells) -> Float[np.ndarray, " times"]:
    """Finite numbers in every cell."""
    leave_out = f"leave the column out with data.ignore={override(column.name)}"
    if column.null_count():
        row = column.is_null().arg_true()[0]
        raise ValueError(
            f"column {column.name!r} must have a number in every row, got none in {cells.place(row)}; fill the gap or "
            f"{leave_out}."
        )
    typed = columns.parsed(column, cells, leave_out)
    if not typed.dtype.is_numeric():
        raise ValueError(
            f"column {column.name!r} must hold numbers, got {column[0]!r} in {cells.place(0)}; name the column of "
            f"dates by data.time={column.name}, or {leave_out}."
        )
    return columns.numbers(typed, column, cells, "fix the cell")
