"""Reads the records of a folder; writes nothing. Free of torch."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hybridfuse import check
from hybridfuse.record import parsed
from hybridfuse.report.row import Row, row

RECORD = "record.json"
_KEPT_ASIDE = re.compile(r"\.\d+$")


class Unreadable(NamedTuple):
    """A record that cannot be read, and why."""

    path: Path
    reason: str


class Records(NamedTuple):
    """What a folder holds: the runs that can be read, in the order of their folders, and the records that cannot."""

    rows: list[Row]
    unreadable: list[Unreadable]


def read(folder: Path, jobs: Iterable[Path] | None = None, known: Mapping[Path, Row] | None = None) -> Records:
    """The runs in a folder, or in those below it where it holds none itself; earlier ones kept aside do not count.

    Args:
        folder: `runs/<name>`, or `runs` for all.
        jobs: the folders of the runs to read; None reads all.
        known: runs whose records have been read already and have not changed since.

    Raises:
        FileNotFoundError: if there is no such folder, with the nearest.
    """
    if jobs is None:
        _check(folder)
        jobs = list(_jobs(folder)) or [job for below in _folders(folder) for job in _jobs(below)]
    rows, unreadable = list[Row](), list[Unreadable]()
    for job in sorted(set(jobs), key=lambda job: job.parts):
        try:
            rows.append((known or {}).get(job) or row(*content(job)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            unreadable.append(Unreadable(job / RECORD, _reason(error)))
    return Records(with_configurations(rows), unreadable)


def with_configurations(rows: Sequence[Row]) -> list[Row]:
    """Rows whose record names no configuration join those that say the same in words, or else each other."""
    named = {row.meaning: row.configuration for row in rows if row.configuration}
    return [row if row.configuration else _named(row, named.get(row.meaning, "")) for row in rows]


def _named(row: Row, configuration: str) -> Row:
    return replace(row, configuration=configuration or hashlib.sha256(repr(row.meaning).encode()).hexdigest())


def content(job: Path) -> tuple[Any, Path, float]:
    """What the record of a run says, the run's folder, and when it was written.

    Raises:
        OSError: if there is no record, or none that can be read.
        ValueError: if it is no JSON.
    """
    with open(f"{job}/{RECORD}", "rb") as file:
        return parsed(file.read()), job, os.fstat(file.fileno()).st_mtime


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    is_no_json = isinstance(error, (json.JSONDecodeError, UnicodeDecodeError))
    return f"it is no JSON: {error}" if is_no_json else str(error)


def _jobs(folder: Path) -> Iterator[Path]:
    return (job for job in _folders(folder) if os.path.lexists(job / RECORD))


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return [folder / name for name in names if not _KEPT_ASIDE.search(name) and not name.startswith(".")]


def _check(folder: Path) -> None:
    if (folder / RECORD).is_file():
        raise FileNotFoundError(f"{folder} is a single run: give the folder above it, {folder.parent}.")
    if folder.is_dir():
        return
    beside = [other.name for other in folder.parent.iterdir() if other.is_dir()] if folder.parent.is_dir() else []
    raise FileNotFoundError(f"there is no folder {folder}{check.nearest(folder.name, beside) or '.'}")
