"""What goes wrong with disks. Free of torch."""

import errno
import os
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


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


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, which is not the fault of the run."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def thread_ended(error: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`: TensorBoard's writer hands its errors to the main thread, which tells them."""
    if not issubclass(error.exc_type, OSError):
        threading.__excepthook__(error)
