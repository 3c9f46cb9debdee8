"""TensorBoard's HPARAMS with an entry a configuration: the means of its seeds beside the single runs."""

import errno
import math
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hybridfuse import hparams
from hybridfuse.disk import thread_ended
from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.folder import read
from hybridfuse.report.leaderboard import leaderboards

PLACE = "summary"
"""Folder of the entries, below that of the runs."""

_ATTEMPTS = 20


def write_hparams(folder: Path, jobs: Iterable[Path] | None = None) -> int:
    """Writes an entry for each configuration below `folder/summary`, in place of all earlier ones; how many they are.

    Args:
        folder: of the runs, `runs/<name>`.
        jobs: folders of the runs that count; None takes all.

    Raises:
        OSError: if it cannot be written; the earlier ones are then as they were.
    """
    boards = leaderboards(read(folder, jobs).rows)
    before, threading.excepthook = threading.excepthook, thread_ended
    # Beside its place, so that it can be moved there, and with a dot, by which readers leave it out until then.
    new = Path(tempfile.mkdtemp(dir=folder, prefix=f".{PLACE}-"))
    try:
        for board in boards:
            for entry in board.entries:
                _write(new / _name(board, entry), board, entry)
        new.chmod(0o755)
        _replace(folder / PLACE, new)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    finally:
        threading.excepthook = before
    return sum(len(board.entries) for board in boards)


def _replace(old: Path, new: Path) -> None:
    """Moves `new` to the place of `old`, where another process may be about to do the same."""
    for attempt in range(_ATTEMPTS):
        shutil.rmtree(old, ignore_errors=True)
        try:
            new.rename(old)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _ATTEMPTS - 1:
                raise


def _write(folder: Path, board: Leaderboard, entry: Entry) -> None:
    """The columns are those of single runs, since TensorBoard takes them from the first run that it finds."""
    chosen = _chosen(entry)
    summaries = [hparams.columns({**chosen, "seed": 0}), hparams.begun(chosen), hparams.ended()]
    for metric in sorted({name for row in entry.rows for name in row.metrics}):
        values = [value for value in entry.values(metric).values() if math.isfinite(value)]
        if values:
            summaries.append(hparams.mean(metric, sum(values) / len(values)))
    hparams.write(folder, summaries)


def _chosen(entry: Entry) -> dict[str, str | float]:
    """The choices that single runs have, but for the seed."""
    row, seeds = entry.rows[0], len(entry.rows)
    return {
        "data": row.data,
        "model": row.model,
        "axis": row.axis or "none",
        "interdependence": "+".join(row.interdependence) or "none",
        "fusion": row.fusion or "none",
        "postprocess": row.postprocess or "none",
        "parameters": float(entry.parameters or 0),
        "learning_rate": _learning_rate(row.folder / "config.yaml"),
        "settings": "; ".join([f"mean of {seeds} seed{'s' * (seeds != 1)}", *row.settings]),
    }


def _learning_rate(path: Path) -> float:
    """As single runs say it; 0 where it is not known."""
    try:
        with path.open("rb") as file:
            config: Any = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return float(config["optimizer"].get("lr", 0.0))
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError):
        return 0.0


def _name(board: Leaderboard, entry: Entry) -> str:
    readable = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{board.data}_{entry.label}")[:120].strip("-_.")
    return f"{readable}-{entry.rows[0].configuration[:8]}"
