"""What a job prints, which would be lost among others: a file in its folder. Free of torch."""

import faulthandler
import os
import sys
from contextlib import suppress
from pathlib import Path

NAME = "output.txt"


def redirect(folder: Path) -> None:
    """Has all that this process prints, and where a crash happened, go to a file beside a folder yet to be made.

    What stands there stays: another process that runs the job may have written it.
    """
    beside = _beside(folder)
    beside.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    os.close(file)
    faulthandler.enable()


def keep(folder: Path) -> None:
    """Moves what was printed into the folder, if anything was; it waits for a folder that the sweep is yet to make."""
    beside = _beside(folder)
    with suppress(OSError):
        if not beside.stat().st_size:
            beside.unlink()
        elif folder.is_dir():
            beside.replace(folder / NAME)


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.output")
