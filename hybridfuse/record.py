"""The folder of a run and its record; free of torch."""

import hashlib
import json
import math
import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hybridfuse.description import Description
from hybridfuse.disk import whole

_POSIX = hasattr(os, "sysconf")
_PACKAGES = (
    "hybridfuse",
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "omegaconf",
    "numpy",
    "scikit-learn",
)


def write_atomically(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def parsed(text: bytes) -> Any:
    """The JSON of a file.

    Raises:
        ValueError: if it is none.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


class Record:
    """`record.json` of a run, and the folder that it stands in."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._begin = time.monotonic()
        self.started = False
        self.folder = description.folder
        self.path = self.folder / "record.json"
        self.fields: dict[str, Any] = {"status": "running", "metrics": {}, "error": None, **description.facts}

    def earlier(self) -> dict[str, Any] | None:
        """The record of an earlier run of the same configuration; None where there is none, or none that is sound."""
        from hybridfuse.report.row import row  # which asks this module who is at work

        try:
            found = parsed(self.path.read_bytes())
            row(found, self.folder, 0.0)
        except (OSError, ValueError):
            return None
        return found

    def start_clock(self) -> None:
        """Lets `duration_s` count from now."""
        self._begin = time.monotonic()

    def start(self, keep: bool = False) -> None:
        """Makes the folder and writes the first record; an earlier run that is done is kept aside, others are dropped.

        Args:
            keep: whether what is in the folder already is gone on with.

        Raises:
            OSError: if the folder cannot be written.
        """
        if self.folder.exists() and not keep:
            self._make_room()
        self.folder.mkdir(parents=True, exist_ok=keep)
        self.fields |= {**surroundings(), "process": _process()}
        write_atomically(self.folder / "config.yaml", OmegaConf.to_yaml(self._description.config, resolve=True))
        self._write()
        self.started = True

    def finish(self, status: str, error: str | None = None) -> None:
        """Writes the last record; where the disk is full, at least the status."""
        self.fields |= {"status": status, "error": error, "duration_s": round(time.monotonic() - self._begin, 3)}
        try:
            self._write()
        except OSError:
            self._mark_failed()
            raise

    def amend(self, fields: dict[str, Any]) -> None:
        """Writes a record with other fields, what else is in the folder left as it is."""
        self.fields = fields
        self._write()

    def _write(self) -> None:
        write_atomically(self.path, json.dumps(_finite(self.fields), indent=2, default=str, allow_nan=False) + "\n")

    def _mark_failed(self) -> None:
        """Changes the status in its place, which takes no space."""
        before, after = b'"running"', b'"failed" '
        text = self.path.read_bytes()
        if before in text[:64]:
            with self.path.open("r+b") as file:
                file.seek(text.index(before))
                file.write(after)

    def _make_room(self) -> None:
        """Moves an earlier run that is done to <folder>.1, .2, …; what an attempt left would only come out again."""
        if (self.earlier() or {}).get("status") != "done":
            shutil.rmtree(self.folder)
            return
        number = next(n for n in range(1, 10**6) if not self.folder.with_name(f"{self.folder.name}.{n}").exists())
        self.folder.rename(self.folder.with_name(f"{self.folder.name}.{number}"))


def _finite(value: Any) -> Any:
    """The same with None for what is not finite, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_running(record: Mapping[str, Any]) -> bool:
    """Whether the process that wrote a record is at it still, as far as this machine can tell."""
    process = record.get("process") or {}
    here = _POSIX and process.get("host") == socket.gethostname()
    number = process.get("id")
    if record.get("status") != "running" or not here or not isinstance(number, int) or number < 1:
        return False
    try:
        os.kill(number, 0)
    except (OSError, OverflowError):
        return False
    return number != os.getpid()


def file_checksum(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def surroundings() -> dict[str, Any]:
    """Versions, commit and hardware: what all runs of a program share. Found once, in some tenths of a second."""
    return {"versions": _versions(), "git": _git(), "hardware": _hardware()}


def _process() -> dict[str, object]:
    return {"id": os.getpid(), "host": socket.gethostname()}


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{package: version(package) for package in _PACKAGES}}


@cache
def _hardware() -> dict[str, object]:
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1) if _POSIX else None,
    }


@cache
def _git() -> dict[str, object] | None:
    """Commit and whether there are changes: of this program's repository, or where it is installed, of the user's."""
    own = Path(__file__)
    return _git_state(own.parent, own.name) or _git_state(Path.cwd(), ".")


def _git_state(folder: Path, tracked: str) -> dict[str, object] | None:
    """None where `tracked` is under no version control."""
    try:
        _git_output(folder, "ls-files", "--error-unmatch", tracked)
        commit = _git_output(folder, "rev-parse", "HEAD").strip()
        return {"commit": commit, "dirty": bool(_git_output(folder, "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git_output(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
