"""From the cells of a new table to the attributes that a network was trained on."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse import check
from hybridfuse.data.cells import Cells
from hybridfuse.data.preparation import Preparation


class Rows:
    """Prepares rows as those of training were; columns are found by their names, and others are left alone.

    Args:
        preparation: what the training rows showed.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self.unknown: dict[str, tuple[int, str]] = {}
        """How many texts of a column were none of the training rows', and the first of them with its place."""

    def attributes(self, cells: Cells) -> Float[Tensor, "rows m"]:
        """The attributes of some rows.

        Raises:
            ValueError: if a column is missing, a cell of a column of numbers holds none, or float32 cannot hold it.
        """
        known = self.preparation
        self._check_names(cells)
        numbers = [_numbers(cells.frame[name], cells) for name in known.numbers]
        places = [self._places(cells.frame[name], cells) for name in known.categories]
        x = known.attributes(numbers, places)
        if not np.isfinite(x).all():
            row, column = np.argwhere(~np.isfinite(x))[0]
            name, got = known.numbers[column], numbers[column][row]
            raise ValueError(
                f"column {name!r} must hold numbers that float32 can scale, got {got} in {cells.place(int(row))}."
            )
        return torch.from_numpy(x)

    def notes(self) -> Iterator[str]:
        """What became of unknown texts, a sentence for each column with some."""
        for name, (count, first) in self.unknown.items():
            yield f"column {name!r} has {count} texts that no training row had, first {first}; they are taken as none."

    def _check_names(self, cells: Cells) -> None:
        names = cells.frame.columns
        missing = [name for name in self.preparation.columns if name not in names]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ValueError(
                f"{cells.file} must have the columns of the training data, got none called {missing[0]!r}{others}"
                f"{check.nearest(missing[0], [name for name in names if name not in self.preparation.columns]) or '.'}"
            )

    def _places(self, column: pl.Series, cells: Cells) -> Int[np.ndarray, " rows"]:
        """The index of each text among the known ones, -1 of one that is unknown; the usual one's if it is missing."""
        name = column.name
        known = self.preparation.categories[name]
        texts = column.cast(pl.String).fill_null(self.preparation.usual[name])
        places = texts.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int64).fill_null(-1)
        unknown = (places == -1).arg_true()
        if len(unknown):
            count, first = self.unknown.get(name, (0, f"{texts[unknown[0]]!r} in {cells.place(unknown[0])}"))
            self.unknown[name] = count + len(unknown), first
        return places.to_numpy()


def _numbers(column: pl.Series, cells: Cells) -> Float[np.ndarray, " rows"]:
    """Finite numbers, NaN where one is missing."""
    known = column.dtype.is_numeric() or isinstance(column.dtype, pl.Boolean | pl.Null | pl.String)
    typed = column.cast(pl.Float64, strict=False) if known else pl.Series(column.name, [None] * len(column), pl.Float64)
    wrong = (
        (column.is_not_null() & typed.is_null())
        | typed.is_nan().fill_null(False)
        | typed.is_infinite().fill_null(False)
    )
    if wrong.any():
        row = wrong.arg_true()[0]
        raise ValueError(
            f"column {column.name!r} must hold finite numbers, as in training, got {column[row]!r} in "
            f"{cells.place(row)}; leave the cell empty for a missing value."
        )
    return typed.to_numpy()
