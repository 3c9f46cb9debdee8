"""The cells of a file of any length, some rows at a time."""

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from hybridfuse import check
from hybridfuse.data import csv_cells
from hybridfuse.data.cells import Cells

_ROWS = 10_000
_PARQUET = b"PAR1"


class Source(ABC):
    """A table in a file, read once; memory does not grow with its rows.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.share = 0.0

    @abstractmethod
    def chunks(self) -> Iterator[Cells]:
        """The cells, at least one row of them; `share` tells how much of the file they were."""


class CsvSource(Source):
    """A CSV file, as of `CsvData`."""

    def chunks(self) -> Iterator[Cells]:
        size = max(self.path.stat().st_size, 1)
        with self.path.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as lines:
            try:
                for cells in csv_cells.chunks(lines, self.path.name):
                    yield cells
                    self.share = file.tell() / size
            except UnicodeDecodeError as error:
                raise self._not_utf8() from error

    def _not_utf8(self) -> ValueError:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return csv_cells.not_utf8(self.path.name, line[error.start], number)
        return ValueError(f"{self.path.name} must be encoded as UTF-8, and must not change while it is read.")


class ParquetSource(Source):
    """A Parquet file, as of `ParquetData`."""

    def chunks(self) -> Iterator[Cells]:
        try:
            table = pl.scan_parquet(self.path)
            rows = table.select(pl.len()).collect().item()
            for start in range(0, rows, _ROWS):
                yield Cells(table.slice(start, _ROWS).collect(), self.path.name, range(start + 1, rows + 1))
                self.share = min((start + _ROWS) / rows, 1.0)
        except pl.exceptions.PolarsError as error:
            raise ValueError(
                f"{self.path.name} must be a Parquet file, got one that cannot be read as such."
            ) from error
        if not rows:
            raise ValueError(f"{self.path.name} must have rows, got none.")


def of_file(key: str, name: str) -> Source:
    """The table in a file: Parquet if it begins like one, else CSV.

    Raises:
        FileNotFoundError: if there is no such file, with the nearest name in its folder.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        found = "is none" if path.exists() else "does not exist"
        raise FileNotFoundError(f"{key} must be a file, got {path}, which {found}{check.nearest_file(path) or '.'}")
    with path.open("rb") as file:
        begins = file.read(len(_PARQUET))
    return (ParquetSource if begins == _PARQUET else CsvSource)(path)
