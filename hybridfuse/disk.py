"""What goes wrong with disks. Free of torch."""

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_STALE = 60.0
"""Seconds after which nobody writes a small file any more."""


@contextmanager
def whole(path: Path) -> Generator[Path, None, None]:
    """Has a file be there whole or not at all: gives a file beside it to be written, which takes its place at the end.

    Raises:
        OSError: if nothing can be written; an earlier file is then as it was.
    """
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear(path: Path) -> None:
    """Removes what writers of a file left beside it that were killed, once it is too old to be still written."""
    pattern = re.compile(rf"\.{re.escape(path.stem)}-[0-9a-f]{{8}}{re.escape(path.suffix)}")
    for beside in path.parent.iterdir():
        if pattern.fullmatch(beside.name):
            with suppress(OSError):  # another process removes it, or may not be hindered
                if time.time() - beside.stat().st_mtime > _STALE:
                    beside.unlink()


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, which is not the fault of the run."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def thread_ended(error: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`: TensorBoard's writer hands its errors to the main thread, which tells them."""
    if not issubclass(error.exc_type, OSError):
        threading.__excepthook__(error)
