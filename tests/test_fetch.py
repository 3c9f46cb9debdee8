"""Whether files of public data sets are found, checked, downloaded and refused as they should be."""

import hashlib
import http.server
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hybridfuse.data import fetch
from hybridfuse.data.fetch import PublicFile

CONTENT = bytes(range(256)) * 40
TRUNCATED, CHANGED = CONTENT[:-1], CONTENT[:-1] + b"?"


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: whoever has read enough closes the connection."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address where it is served."""
    served = tmp_path / "home"
    served.mkdir()
    server = _Server(("127.0.0.1", 0), partial(_Silent, directory=served))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that HYBRIDFUSE_DATA names; the cache is in another one, and no proxy stands before this machine."""
    monkeypatch.setenv("HYBRIDFUSE_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def file(address: str, content: bytes = CONTENT) -> PublicFile:
    return PublicFile("set", "part.bin", f"{address}/part.bin", len(content), hashlib.sha256(content).hexdigest())


def written(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def cached() -> list[Path]:
    return sorted(path for path in fetch.cache().rglob("*") if path.is_file())


def test_a_file_of_the_folder_is_used_where_it_lies(folder: Path) -> None:
    direct = written(folder / "part.bin")
    assert fetch.fetch(file("http://nowhere.invalid")) == direct
    below = written(folder / "set" / "part.bin")
    assert fetch.fetch(file("http://nowhere.invalid")) == below
    assert cached() == []


@pytest.mark.parametrize("content", [TRUNCATED, CHANGED, b""])
def test_a_wrong_file_of_the_folder_is_refused(folder: Path, content: bytes) -> None:
    path = written(folder / "set" / "part.bin", content)
    expected, found = (hashlib.sha256(part).hexdigest() for part in (CONTENT, content))
    message = (
        f"{path} must have {len(CONTENT)} bytes and the SHA-256 {expected}, got {len(content)} and {found}; "
        "replace it by the file of http://nowhere.invalid/part.bin."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        fetch.fetch(file("http://nowhere.invalid"))
    assert path.read_bytes() == content


def test_a_missing_file_is_downloaded_once(home: tuple[Path, str], folder: Path) -> None:
    served, address = home
    written(served / "part.bin")
    found = fetch.fetch(file(address))
    assert found == fetch.cache() / "set" / "part.bin"
    assert found.read_bytes() == CONTENT
    (served / "part.bin").unlink()
    assert fetch.fetch(file(address)) == found
    assert cached() == [found]


def test_without_a_folder_the_cache_is_used(
    home: tuple[Path, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home[0] / "part.bin")
    written(folder / "part.bin", CHANGED)
    for value in ("", None):
        monkeypatch.setenv("HYBRIDFUSE_DATA", value) if value is not None else monkeypatch.delenv("HYBRIDFUSE_DATA")
        assert fetch.fetch(file(home[1])) == fetch.cache() / "set" / "part.bin"


def test_without_a_cache_of_the_users_it_lies_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert fetch.cache() == tmp_path / ".cache" / "hybridfuse"


@pytest.mark.parametrize("wrong", [TRUNCATED, CHANGED, CONTENT * 300])
def test_a_wrong_download_is_discarded_and_a_file_in_the_cache_kept(
    home: tuple[Path, str], folder: Path, wrong: bytes
) -> None:
    served, address = home
    written(served / "part.bin", wrong)
    with pytest.raises(ValueError, match=rf"the download of {address}/part.bin must have 10240 bytes .* discarded; "):
        fetch.fetch(file(address))
    assert cached() == []
    kept = written(fetch.cache() / "set" / "part.bin", b"an earlier version")
    with pytest.raises(ValueError, match="discarded"):
        fetch.fetch(file(address))
    assert cached() == [kept]
    assert kept.read_bytes() == b"an earlier version"


@pytest.mark.parametrize("stale", [TRUNCATED, CHANGED])
def test_a_wrong_file_of_the_cache_is_replaced(home: tuple[Path, str], folder: Path, stale: bytes) -> None:
    path = written(fetch.cache() / "set" / "part.bin", stale)
    written(home[0] / "part.bin")
    assert fetch.fetch(file(home[1])).read_bytes() == CONTENT
    assert cached() == [path]


def test_no_more_is_downloaded_than_there_should_be(home: tuple[Path, str], folder: Path) -> None:
    """Of a file that is far too long no more than a chunk too much is read."""
    written(home[0] / "part.bin", bytes(5 << 20))
    with pytest.raises(ValueError, match=r"got (\d+) and") as raised:
        fetch.fetch(file(home[1]))
    got = re.search(r"got (\d+) and", str(raised.value))
    assert got is not None
    assert int(got[1]) == 1 << 20


@pytest.mark.parametrize("kind", ["missing", "no server", "no address", "no cache"])
def test_a_file_that_cannot_be_had_says_where_to_get_it(home: tuple[Path, str], folder: Path, kind: str) -> None:
    address, reason = home[1], r"\(HTTP Error 404: File not found\)"
    if kind == "no server":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address, reason = f"http://127.0.0.1:{free.getsockname()[1]}", r"\(\[Errno \d+\] .*refused\)"
    elif kind == "no address":
        address, reason = "file:///does/not/exist", "No such file|cannot find"
    elif kind == "no cache":
        written(home[0] / "part.bin")
        written(fetch.cache(), b"a file where the folder should be")
        reason = "Not a directory|File exists|exists"
    with pytest.raises(FileNotFoundError) as raised:
        fetch.fetch(file(address))
    said = str(raised.value)
    assert said.startswith(f"part.bin of set could not be downloaded from {address}/part.bin (")
    assert re.search(reason, said)
    assert said.endswith("set HYBRIDFUSE_DATA=<folder> to the folder that set/part.bin or part.bin lies in.")


def test_an_interrupted_download_leaves_nothing(
    home: tuple[Path, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(urllib.request, "urlopen", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(file(home[1]))
    assert cached() == []


def test_a_folder_that_is_none_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRIDFUSE_DATA", str(folder / "misspelt"))
    with pytest.raises(ValueError, match=r"HYBRIDFUSE_DATA must name a folder, got .*misspelt, which is none\."):
        fetch.fetch(file("http://nowhere.invalid"))


def test_the_checksum_of_several_files_is_of_their_checksums_in_order() -> None:
    first, second = file("a"), file("b", CHANGED)
    joined = hashlib.sha256((first.sha256 + second.sha256).encode()).hexdigest()
    assert fetch.checksum([first, second]) == joined
    assert fetch.checksum([second, first]) != joined
