"""Files of public data sets: from a folder of the user's, else from the cache, else from their homes. Free of torch."""

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from hybridfuse.record import file_checksum

DATA = "HYBRIDFUSE_DATA"
"""The environment variable that names a folder with data sets."""
_TIMEOUT = 30.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class PublicFile:
    """A file of a data set, known by its checksum.

    Args:
        folder: what the data set's folder is called, below the folder of all data sets.
        name: of the file.
        url: its public home.
        size: in bytes.
        sha256: of its content, in hexadecimal digits.
    """

    folder: str
    name: str
    url: str
    size: int
    sha256: str


def fetch(file: PublicFile) -> Path:
    """Where the file lies, its checksum found to be right; downloaded to the cache if it is nowhere.

    Looked for as `$HYBRIDFUSE_DATA/<folder>/<name>` and `$HYBRIDFUSE_DATA/<name>`, then in the cache. A file of
    another content in the cache is replaced by a download that is right, and by no other.

    Raises:
        ValueError: if the file of the user's folder, or the download, is another than the one known, or
            HYBRIDFUSE_DATA names no folder.
        FileNotFoundError: if it is nowhere and cannot be downloaded.
    """
    given = _given(file)
    if given is not None:
        return _checked(given, file)
    cached = cache() / file.folder / file.name
    return cached if cached.is_file() and _facts(cached) == (file.size, file.sha256) else _downloaded(file, cached)


def cache() -> Path:
    """The folder where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hybridfuse"


def checksum(files: Iterable[PublicFile]) -> str:
    """SHA-256 of the checksums of several files, in their order."""
    return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()


def _given(file: PublicFile) -> Path | None:
    """The file in the folder that the user names; None if it is not there."""
    named = os.environ.get(DATA)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{DATA} must name a folder, got {folder}, which is none.")
    places = (folder / file.folder / file.name, folder / file.name)
    return next((place for place in places if place.is_file()), None)


def _checked(path: Path, file: PublicFile) -> Path:
    size, found = _facts(path)
    if (size, found) != (file.size, file.sha256):
        raise ValueError(
            f"{path} must have {file.size} bytes and the SHA-256 {file.sha256}, got {size} and {found}; "
            f"replace it by the file of {file.url}."
        )
    return path


def _facts(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    return path.stat().st_size, file_checksum(path)


def _downloaded(file: PublicFile, place: Path) -> Path:
    """The file from its home, at this place once it is found to be right."""
    temporary: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{file.name}-")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as target:
            _download(file, target)
        return _checked_download(temporary, file, place)
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise FileNotFoundError(
            f"{file.name} of {file.folder} could not be downloaded from {file.url} ({_reason(error)}); get it from "
            f"there and set {DATA}=<folder> to the folder that {file.folder}/{file.name} or {file.name} lies in."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _download(file: PublicFile, target: IO[bytes]) -> None:
    """The bytes behind the address, with a bar on a terminal; no more than there should be and one chunk."""
    console = Console(stderr=True)
    columns = (TextColumn(f"downloading {file.name}"), BarColumn(), DownloadColumn())
    shown = console.is_terminal and file.size > _CHUNK
    with (
        urllib.request.urlopen(file.url, timeout=_TIMEOUT) as source,
        Progress(*columns, console=console, transient=True, disable=not shown) as progress,
    ):
        bar = progress.add_task("", total=file.size)
        while target.tell() <= file.size and (chunk := source.read(_CHUNK)):
            target.write(chunk)
            progress.advance(bar, len(chunk))


def _checked_download(temporary: Path, file: PublicFile, place: Path) -> Path:
    size, found = _facts(temporary)
    if (size, found) != (file.size, file.sha256):
        raise ValueError(
            f"the download of {file.url} must have {file.size} bytes and the SHA-256 {file.sha256}, "
            f"got {size} and {found}, so it was discarded; try again, or set {DATA} to a folder with the file."
        )
    return temporary.replace(place)


def _reason(error: OSError | HTTPException) -> str:
    said = str(error).removeprefix("<urlopen error ").removesuffix(">")
    return said or type(error).__name__
