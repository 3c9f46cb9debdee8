"""The cells of a CSV file, each a text. Python's own reader, for it knows the line of each row and minds its length."""

import csv
import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hybridfuse.data.cells import Cells

if TYPE_CHECKING:
    import polars as pl

MISSING = ("", "na", "n/a", "null", "none", "?")
"""What stands for a missing value, in lower case."""
_CHUNK = 10_000

Record = tuple[int, list[str]]


def read(content: bytes, file: str) -> Cells:
    """The cells of a file, without the blanks around them; the first line names the columns.

    Raises:
        ValueError: if the file is no table: not UTF-8, without rows, badly quoted, or with rows of several lengths;
            or if its columns have no names of their own.
    """
    text = _decoded(content, file)
    records = _records(text, file)
    _, first = next(records, (0, []))
    header = _checked_header([name.strip() for name in first], file)
    lines: list[int] = []
    chunks = list(_chunks(_of_length(records, len(header), file), header, lines))
    if not chunks:
        raise ValueError(f"{file} must have rows below its header, got none.")
    return Cells(_stripped(chunks), file, lines)


def _decoded(content: bytes, file: str) -> str:
    if not content.strip():
        raise ValueError(f"{file} must hold a table, got an empty file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{file} must be encoded as UTF-8, got the byte 0x{content[error.start]:02x} in line {line}."
        ) from error


def _records(text: str, file: str) -> Iterator[Record]:
    """Each row that is not blank, with the line in which it ends."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    try:
        for record in reader:
            if len(record) > 1 or any(cell.strip() for cell in record):
                yield reader.line_num, record
    except csv.Error as error:
        raise ValueError(f"{file} must be a well-formed CSV, got {error} in line {reader.line_num}.") from error


def _delimiter(text: str) -> str:
    """The comma, unless the header has none and has a semicolon or a tab."""
    header = next((line for line in io.StringIO(text) if line.strip()), "")
    return next((delimiter for delimiter in ",;\t" if delimiter in header), ",")


def _checked_header(names: list[str], file: str) -> list[str]:
    for column, name in enumerate(names):
        if not name:
            raise ValueError(f"{file} must name each column in its first line, got no name for column {column + 1}.")
        if name in names[:column]:
            raise ValueError(f"{file} must name each column differently, got {name!r} twice.")
    return names


def _of_length(records: Iterator[Record], length: int, file: str) -> Iterator[Record]:
    for line, record in records:
        if len(record) != length:
            raise ValueError(f"line {line} of {file} must have {length} cells as the header has, got {len(record)}.")
        yield line, record


def _chunks(records: Iterator[Record], header: list[str], lines: list[int]) -> "Iterator[pl.DataFrame]":
    """The rows in frames, which take far less memory than Python's texts; their lines are added to `lines`."""
    import polars as pl

    while chunk := list(itertools.islice(records, _CHUNK)):
        lines.extend(line for line, _ in chunk)
        yield pl.DataFrame([record for _, record in chunk], dict.fromkeys(header, pl.String), orient="row")


def _stripped(chunks: "list[pl.DataFrame]") -> "pl.DataFrame":
    """One frame, without the blanks around its cells, null where a value is missing."""
    import polars as pl

    frame = pl.concat(chunks).with_columns(pl.all().str.strip_chars())
    missing = pl.all().str.to_lowercase().is_in(MISSING)
    return frame.with_columns(pl.when(missing).then(None).otherwise(pl.all()).name.keep())
