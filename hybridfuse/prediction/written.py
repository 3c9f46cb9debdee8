"""A CSV file that is there whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from hybridfuse.command import CommandError
from hybridfuse.disk import whole


def checked(out: str, given: Iterable[Path]) -> Path:
    """Where predictions go.

    Raises:
        CommandError: if that is one of the files that are read, a folder, no CSV file, or in a folder that is none.
    """
    path = Path(out).expanduser()
    if path.suffix != ".csv":
        raise CommandError(f"out must be a file that ends with .csv, got {out}.")
    if path.is_dir() or not path.parent.is_dir():
        raise CommandError(f"out must be a file in a folder that exists, got {out}.")
    if any(path.exists() and path.samefile(other) for other in given):
        raise CommandError(f"out must be another file than what is read, got {out} for both.")
    return path


def write(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    """Writes frames of the same columns, one below the other; gives the number of rows."""
    rows = 0
    with whole(path) as temporary, temporary.open("wb") as file:
        for frame in frames:
            frame.write_csv(file, include_header=not rows)
            rows += len(frame)
    return rows
