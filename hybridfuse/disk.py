"""What goes wrong with disks. Free of torch."""

import errno
import threading


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, which is not the fault of the run."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def thread_ended(error: threading.ExceptHookArgs) -> None:
    """For `threading.excepthook`: TensorBoard's writer hands its errors to the main thread, which tells them."""
    if not issubclass(error.exc_type, OSError):
        threading.__excepthook__(error)
