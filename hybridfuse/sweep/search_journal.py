"""The file in which Optuna keeps a search: lines of JSON, which lead to no code."""

import json
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from hybridfuse.command import CommandError

FILE = "search.jsonl"
_LOCK = 10
"""Seconds after which the lock of a process that died while it wrote is taken; writing takes milliseconds."""


def opened(file: Path) -> JournalStorage:
    """The journal, made if there is none.

    Raises:
        CommandError: if it cannot be read.
        OSError: if it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileOpenLock(str(file), grace_period=_LOCK)
    try:
        _check(file, lock)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))
    except OSError:
        raise
    except Exception as error:  # Optuna raises whatever the lines lead to
        raise CommandError(f"{file} cannot be read as a search: remove it, or give another sweep.name.") from error


def _check(file: Path, lock: JournalFileOpenLock) -> None:
    """Takes away the line that a process was writing when it died, which would spoil the next one; reads all others."""
    if not file.is_file():
        return
    lock.acquire()
    try:
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        for line in content[:whole].splitlines():
            json.loads(line)
        if whole < len(content):
            with file.open("r+b") as journal:
                journal.truncate(whole)
    finally:
        lock.release()
