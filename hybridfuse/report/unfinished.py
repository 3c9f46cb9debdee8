"""What of a folder is in no leaderboard, and why. Free of torch."""

from collections import Counter
from collections.abc import Sequence

from hybridfuse.report.folder import Records
from hybridfuse.report.label import settings
from hybridfuse.report.row import Row

_LISTED = ("failed", "interrupted", "running")


def lines(records: Records, most: int | None = None) -> list[str]:
    """Runs that are not done: the folder of each, the settings that set it apart, and its sentence.

    Below them the records that cannot be read, with the reason.

    Args:
        records: of a folder.
        most: folders to name of each state; None names all.
    """
    found: list[str] = []
    told = list(zip(records.rows, settings(records.rows), strict=True))
    for status in _LISTED:
        found += _listed(status, [(row, words) for row, words in told if row.status == status], most)
    pruned = Counter(row.status for row in records.rows)["pruned"]
    found += [f"pruned: {_runs(pruned)}"] if pruned else []
    broken = [f"  {one.path}: {one.reason}" for one in records.unreadable]
    return found + ([f"unreadable: {len(broken)} of the records", *_first(broken, most)] if broken else [])


def _listed(status: str, rows: Sequence[tuple[Row, str]], most: int | None) -> list[str]:
    if not rows:
        return []
    named = [" ".join(filter(None, (f"  {row.folder}", words))) + _sentence(row) for row, words in rows]
    return [f"{status}: {_runs(len(rows))}", *_first(named, most)]


def _first(texts: list[str], most: int | None) -> list[str]:
    rest = len(texts) - len(texts[:most])
    return [*texts[:most], *([f"  and {rest} more"] if rest else [])]


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"


def _sentence(row: Row) -> str:
    return f": {' '.join(row.error.split())}" if row.error else ""
