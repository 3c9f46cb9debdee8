"""Jobs for other machines, which see the same folders, if by other ways than this one."""

import copy
import os
import socket
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hybridfuse.command import CommandError
from hybridfuse.sweep.engine import Ended, Job

_LOOKS = 5
"""How often a folder is looked for, a second apart: shared disks show what is new after a moment."""


def portable(job: Job) -> Job:
    """The same job with its folder named in full, and the folder around it made, by which others know the disk.

    Raises:
        OSError: if that cannot be made.
    """
    description = copy.copy(job.description)
    description.plain = {**description.plain, "runs": str(Path(str(description.plain["runs"])).absolute())}
    description.folder.parent.mkdir(parents=True, exist_ok=True)
    return job._replace(description=description)


def arrived(job: Job, directory: str) -> Ended | None:
    """Enters the folder that names in the job are relative to; the job's end, if its results would be lost here."""
    with suppress(OSError):  # data without such a name are found all the same; others will be missed by name
        os.chdir(directory)
    around = job.description.folder.parent
    for _ in range(_LOOKS):
        if around.is_dir():
            return None
        time.sleep(1)
    sentence = f"runs must be a folder that all machines share, and {socket.gethostname()} has no {around}."
    return Ended(job.number, "failed", sentence)


def needed(package: str, launcher: str) -> Any:
    """A package that only one launcher needs.

    Raises:
        CommandError: if it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        install = f'pip install "hybridfuse[{launcher}]"'
        raise CommandError(f"hydra/launcher={launcher} needs {package}, which is not installed: {install}.") from error
