"""The cells of a CSV file, each a text. Python's own reader, for it knows the line of each row and minds its length."""

import csv
import io
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

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
    import polars as pl

    parts = list(chunks(io.StringIO(_decoded(content, file), newline=""), file))
    return Cells(pl.concat([part.frame for part in parts]), file, [line for part in parts for line in part.lines or ()])


def chunks(lines: TextIO, file: str) -> Iterator[Cells]:
    """The same from an open file, its line ends as they are, some rows at a time.

    Raises:
        UnicodeDecodeError: if the file is not in its encoding; ValueError as `read` otherwise.
    """
    records = _records(lines, file)
    _, first = next(records, (0, []))
    if not first:
        raise _empty(file)
    header = _checked_header([name.strip() for name in first], file)
    empty = True
    for frame, of_rows in _frames(_of_length(records, len(header), file), header):
        yield Cells(_stripped(frame), file, of_rows)
        empty = False
    if empty:
        raise ValueError(f"{file} must have rows below its header, got none.")


def _empty(file: str) -> ValueError:
    return ValueError(f"{file} must hold a table, got an empty file.")


def _decoded(content: bytes, file: str) -> str:
    if not content.strip():
        raise _empty(file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(file, content[error.start], content.count(b"\n", 0, error.start) + 1) from error


def not_utf8(file: str, byte: int, line: int) -> ValueError:
    """What is said of a byte that is not UTF-8."""
    return ValueError(f"{file} must be encoded as UTF-8, got the byte 0x{byte:02x} in line {line}.")


def _records(lines: TextIO, file: str) -> Iterator[Record]:
    """Each row that is not blank, with the line in which it ends."""
    reader = csv.reader(lines, delimiter=_delimiter(lines), skipinitialspace=True, strict=True)
    try:
        for record in reader:
            if len(record) > 1 or any(cell.strip() for cell in record):
                yield reader.line_num, record
    except csv.Error as error:
        raise ValueError(f"{file} must be a well-formed CSV, got {error} in line {reader.line_num}.") from error


def _delimiter(lines: TextIO) -> str:
    """The comma, unless the header has none and has a semicolon or a tab; the file is at its beginning again."""
    header = next((line for line in lines if line.strip()), "")
    lines.seek(0)
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


def _frames(records: Iterator[Record], header: list[str]) -> "Iterator[tuple[pl.DataFrame, list[int]]]":
    """Some rows at a time in a frame, which takes far less memory than Python's texts, and the lines of them."""
    import polars as pl

    while chunk := list(itertools.islice(records, _CHUNK)):
        frame = pl.DataFrame([record for _, record in chunk], dict.fromkeys(header, pl.String), orient="row")
        yield frame, [line for line, _ in chunk]


def _stripped(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Without the blanks around its cells, null where a value is missing."""
    import polars as pl

    stripped = frame.with_columns(pl.all().str.strip_chars())
    missing = pl.all().str.to_lowercase().is_in(MISSING)
    return stripped.with_columns(pl.when(missing).then(None).otherwise(pl.all()).name.keep())
