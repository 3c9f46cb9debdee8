"""What the records say of jobs. Free of torch."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hybridfuse.command import CommandError
from hybridfuse.description import Description
from hybridfuse.record import file_checksum, is_running
from hybridfuse.report.folder import content
from hybridfuse.report.row import Row, row
from hybridfuse.sweep.uncollected import uncollected

Status = Literal["new", "done", "failed", "interrupted", "pruned", "running", "broken"]
_OF_RECORDS = ("status", "error", "meaning", "seed", "data", "process", "versions", "duration_s")
_KEPT_ASIDE = re.compile(r".*\.\d+")


class State(NamedTuple):
    """Where a job stands.

    Args:
        status: what its record says; broken: there is one that cannot be read.
        folder: where the record is: the job's own, or that of one of the same meaning that is done.
        duration: seconds that it took.
        version: of hybridfuse that wrote the record.
        process: id of the process that is at work on it, of this machine.
        row: what its record says for a leaderboard, if it is done.
    """

    status: Status
    folder: Path
    duration: float | None = None
    version: str | None = None
    process: int | None = None
    row: Row | None = None


def state(job: Description) -> State:
    """Where a job stands by its own record."""
    return _of(job.folder, _read(job.folder)[0])


@uncollected()
def states(jobs: Sequence[Description]) -> list[State]:
    """Where jobs stand, those done included that were asked for in other words of the same meaning.

    Raises:
        CommandError: if a job is done, but with a file of data that has changed since.
    """
    read = {folder: _read(folder) for parent in {job.folder.parent for job in jobs} for folder in _folders(parent)}
    records = {folder: record for folder, (record, _) in read.items()}
    done = {_identity(record): folder for folder, record in records.items() if record and record["status"] == "done"}
    checksums: dict[Path, str | None] = {}
    found = [_found(job, records, done) for job in jobs]
    found = [one._replace(row=read[one.folder][1]) if one.status == "done" else one for one in found]
    for job, one in zip(jobs, found, strict=True):
        if one.status == "done" and job.files:
            _check_files(job.files, one.folder, records[one.folder] or {}, checksums)
    return found


def _check_files(
    files: Mapping[str, Path], folder: Path, record: Mapping[str, Any], checksums: dict[Path, str | None]
) -> None:
    for name, path in files.items():
        if path not in checksums:
            checksums[path] = file_checksum(path) if path.is_file() else None
        if checksums[path] not in (None, (record.get("data") or {}).get(name)):
            raise CommandError(f"{path} has changed since {folder} was done; rerun with force=true.")


def _found(
    job: Description, records: Mapping[Path, Mapping[str, Any] | None], done: Mapping[tuple[Any, Any], Path]
) -> State:
    folder = job.folder
    own = _of(folder, records.get(folder, {}))
    equal = None if own.status == "done" else done.get((job.meaning, job.seed))
    if own.status == "done" and job.force:
        return own._replace(status="new")
    return own if equal is None or job.force else _of(equal, records[equal])


def _identity(record: Mapping[str, Any]) -> tuple[Any, Any]:
    return record.get("meaning"), record.get("seed")


def _folders(parent: Path) -> Iterable[Path]:
    """Folders of runs, those that were done again left out."""
    if not parent.is_dir():
        return []
    names = [name for name in os.listdir(parent) if not _KEPT_ASIDE.fullmatch(name) and not name.endswith(".json")]
    return [parent / name for name in names]


def _read(folder: Path) -> tuple[Mapping[str, Any] | None, Row | None]:
    """The record of a folder, {} where there is none, None if it is none that a leaderboard could take; its row."""
    try:
        found, _, written = content(folder)
        known = row(found, folder, written)
    except (FileNotFoundError, NotADirectoryError):
        return {}, None
    except (OSError, ValueError):
        return None, None
    return {name: found.get(name) for name in _OF_RECORDS}, known if found["status"] == "done" else None


def _of(folder: Path, record: Mapping[str, Any] | None) -> State:
    if record is None:
        return State("broken", folder)
    if not record:
        return State("new", folder)
    if is_running(record):
        return State("running", folder, process=int(record["process"]["id"]))
    is_cut_off = record["status"] == "failed" and not record["error"]  # by a full disk, in the only way left
    status: Any = "interrupted" if record["status"] == "running" or is_cut_off else record["status"]
    versions: Any = record.get("versions")
    version = str(versions.get("hybridfuse")) if isinstance(versions, dict) else None
    return State(status, folder, record["duration_s"], version)
