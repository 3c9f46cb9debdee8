"""Processes that end with the one that started them, even if that is killed."""

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress

_SET_PARENT_DEATH_SIGNAL = 1
_SECONDS = 1.0


def die_with(parent: int) -> None:
    """Has this process killed when its parent is gone: by the kernel on Linux, by a watching thread elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it was gone before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def kill_group(leader: int) -> None:
    """Kills a process with all that it has started; the process leads a group, if it has come so far."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except OSError:
        with suppress(ProcessLookupError):
            os.kill(leader, signal.SIGKILL)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
