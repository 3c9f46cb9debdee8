"""The cells of a file, and how errors speak of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridfuse import check

if TYPE_CHECKING:
    import polars as pl

_LISTED = 20


@dataclass(frozen=True)
class Cells:
    """The cells of a file as they are written, null where one is missing.

    Args:
        frame: columns of texts, or of the file's own types.
        file: name of the file.
        lines: the line of each row, where the file has lines.
    """

    frame: "pl.DataFrame"
    file: str
    lines: Sequence[int] | None = None

    def place(self, row: int) -> str:
        """Where a row stands, for an error."""
        return f"row {row + 1} of {self.file}" if self.lines is None else f"line {self.lines[row]} of {self.file}"


def check_name(option: str, name: str, names: Sequence[str], file: str) -> str:
    """`name` if it is one of `names`, else ValueError with the nearest."""
    if name not in names:
        more = f", … ({len(names) - _LISTED} more)" if len(names) > _LISTED else ""
        raise ValueError(
            f"data.{option} must name a column of {file} ({', '.join(names[:_LISTED])}{more}), "
            f"got {name!r}{check.nearest(name, names) or '.'}"
        )
    return name


def listed(option: str, names: Iterable[str] | None, kind: str = "columns") -> list[str]:
    """Names of columns or of another kind; none for None, TypeError for a single text."""
    if isinstance(names, str):
        raise TypeError(f"{option} must be a list of {kind}, e.g. data.{option}=[{names}], got {names!r}.")
    return [str(name) for name in names or ()]


def override(name: str) -> str:
    """A list with one column, as Hydra's command line reads it."""
    return f"[{name}]" if re.fullmatch(r"\w+", name) else f"['{name}']"
