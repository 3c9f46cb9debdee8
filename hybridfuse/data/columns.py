"""From the cells of a file to columns of numbers and of categories, or a sentence about the cell at fault."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from hybridfuse.data.cells import Cells, override
from hybridfuse.data.table import Categories

if TYPE_CHECKING:
    import polars as pl

Numbers = Float[np.ndarray, " rows"]

_LEAVE_EMPTY = "leave the cell empty for a missing value"
_FILL = "fill the cell or delete the row"


def parsed(column: "pl.Series", cells: Cells, remedy: str) -> "pl.Series":
    """Texts as numbers if each is one, else as they are.

    Args:
        remedy: what to do where most texts are numbers but not all; empty if that is no fault.

    Raises:
        ValueError: if most texts are numbers but not all, and there is a remedy.
    """
    numbers = _cast(column)
    present = len(column) - column.null_count()
    count = len(numbers) - numbers.null_count()
    if count == present:
        return numbers
    commas = column.str.contains(r"^[-+]?\d+,\d+$")
    if 2 * (commas.sum() or 0) > present:
        _refuse_first(commas, column, cells, " with a decimal comma; write decimal points")
    if remedy and 2 * count > present:
        _refuse_first(column.is_not_null() & numbers.is_null(), column, cells, f"; fix the cell or {remedy}")
    return column


def native(column: "pl.Series", cells: Cells) -> "pl.Series":
    """Numbers and truth values as float64, texts as texts.

    Raises:
        ValueError: if the column is of another type, as dates are.
    """
    import polars as pl

    if column.dtype.is_numeric() or isinstance(column.dtype, (pl.Boolean, pl.Null)):
        return column.cast(pl.Float64)
    if isinstance(column.dtype, (pl.String, pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    raise ValueError(
        f"column {column.name!r} of {cells.file} must hold numbers, truth values or texts, got {column.dtype}; "
        f"leave it out with data.ignore={override(column.name)}."
    )


def numbers(typed: "pl.Series", column: "pl.Series", cells: Cells, remedy: str = _LEAVE_EMPTY) -> Numbers:
    """Numbers, NaN where one is missing.

    Raises:
        ValueError: if one of them is NaN or infinite, or none is there.
    """
    _check_some(column)
    wrong = typed.is_nan() | typed.is_infinite()
    if wrong.any():
        row = wrong.fill_null(False).arg_true()[0]
        raise ValueError(
            f"column {column.name!r} must hold finite numbers, got {column[row]} in {cells.place(row)}; {remedy}."
        )
    return typed.to_numpy()


def categories(column: "pl.Series", most: int) -> Categories:
    """Texts, or numbers that stand for categories.

    Raises:
        ValueError: if there are more than `most` of them, or none.
    """
    import polars as pl

    _check_some(column)
    texts = column.cast(pl.String)
    names = texts.drop_nulls().unique().sort().to_list()
    if len(names) > most:
        raise ValueError(
            f"column {column.name!r} must have at most {most} categories, got {len(names)} distinct texts; "
            f"leave it out with data.ignore={override(column.name)}, or raise data.max_categories."
        )
    return Categories(texts.cast(pl.Enum(names)).to_physical().cast(pl.Float64).to_numpy(), names)


def target(typed: "pl.Series", column: "pl.Series", cells: Cells, regression: bool) -> np.ndarray:
    """The target as numbers or, unless they are for a regression, as texts; no cell may be missing.

    Raises:
        ValueError: if one of them is missing, NaN or infinite, or no number in a regression.
    """
    if column.null_count():
        row = column.is_null().arg_true()[0]
        raise ValueError(
            f"target {column.name!r} must have a value in every row, got none in {cells.place(row)}; {_FILL}."
        )
    if regression and not typed.dtype.is_numeric():
        typed = _cast(column)
        _refuse_first(typed.is_null(), column, cells, " with data.task=regression")
    return numbers(typed, column, cells, _FILL) if typed.dtype.is_numeric() else typed.to_numpy()


def _cast(column: "pl.Series") -> "pl.Series":
    """Texts as numbers, null where one is none."""
    import polars as pl

    return column.cast(pl.Float64, strict=False)


def _refuse_first(wrong: "pl.Series", column: "pl.Series", cells: Cells, remedy: str) -> None:
    rows = wrong.arg_true()
    if len(rows):
        row = rows[0]
        raise ValueError(
            f"column {column.name!r} must hold numbers, got {column[row]!r} in {cells.place(row)}{remedy}."
        )


def _check_some(column: "pl.Series") -> None:
    if column.null_count() == len(column):
        raise ValueError(
            f"column {column.name!r} must hold a value, got only empty cells; "
            f"leave it out with data.ignore={override(column.name)}."
        )
