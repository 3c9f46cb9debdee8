"""Writes leaderboards to files, each whole or not at all. Free of torch."""

from collections.abc import Sequence
from pathlib import Path

from hybridfuse import check
from hybridfuse.disk import whole
from hybridfuse.record import write_atomically
from hybridfuse.report import csv_form, latex, markdown
from hybridfuse.report.board import Leaderboard

_TEXTS = {".csv": csv_form.text, ".md": markdown.text, ".tex": latex.text}
SUFFIXES = (*_TEXTS, ".png")


def check_path(path: Path) -> Path:
    """`path` if a table can be written there.

    Raises:
        ValueError: if its suffix tells no form, or there is no such folder.
    """
    check.choice("the suffix of out", path.suffix.lower(), SUFFIXES)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"out must be a file in a folder that exists, got {path}.")
    return path


def write(boards: Sequence[Leaderboard], path: Path) -> None:
    """Writes leaderboards in the form that the suffix tells: .csv, .md, .tex or .png.

    Raises:
        ValueError: as `check_path`.
        OSError: if the file cannot be written; an earlier one is then as it was.
    """
    suffix = check_path(path).suffix.lower()
    if suffix in _TEXTS:
        write_atomically(path, _TEXTS[suffix](boards))
    else:
        _write_picture(boards, path)


def _write_picture(boards: Sequence[Leaderboard], path: Path) -> None:
    from hybridfuse.report.plot import figure  # matplotlib takes a second

    with whole(path) as temporary:
        figure(boards).savefig(temporary, format="png", dpi=150)
