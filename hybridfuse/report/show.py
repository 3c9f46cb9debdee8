"""The answer of a folder, on the screen. Free of torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hybridfuse.report import screen, unfinished
from hybridfuse.report.board import Leaderboard
from hybridfuse.report.difference import compared
from hybridfuse.report.folder import read
from hybridfuse.report.leaderboard import leaderboards
from hybridfuse.report.row import Row
from hybridfuse.report.sheet import sheet


def show(
    folder: Path,
    jobs: Iterable[Path] | None = None,
    metric: str | None = None,
    interval: str = "t",
    test: str = "t",
    top: int | None = None,
    known: Mapping[Path, Row] | None = None,
) -> list[Leaderboard]:
    """Prints the leaderboards of a folder, and what is in none of them.

    Args:
        folder: `runs/<name>`.
        jobs: folders of the runs that count; None takes all.
        metric: that decides; None is the accuracy, RMSE, MSE or loss on validation.
        interval: t or bootstrap.
        test: t or wilcoxon.
        top: configurations, and runs that are not done of each state, to show; None shows all.
        known: runs whose records have been read already and have not changed since.

    Raises:
        FileNotFoundError: if there is no such folder, with the nearest.
        ValueError: if a name is none, with the nearest.
    """
    records = read(folder, jobs, known)
    boards = leaderboards(records.rows, metric, interval, test)
    for board in boards:
        screen.show(sheet(board, top))
    said = unfinished.lines(records, top)
    if not boards:
        said.insert(0, f"no run in {folder} is done")
    if said:
        print(*said, sep="\n", flush=True)
    return boards


def show_difference(before: Path, after: Path, metric: str | None = None, interval: str = "t", test: str = "t") -> None:
    """Prints what became of each configuration of a folder in another.

    Raises:
        FileNotFoundError: if there is no such folder, with the nearest.
        ValueError: if a name is none, with the nearest.
    """
    records = read(before), read(after)
    sheets = compared(records[0].rows, records[1].rows, metric, interval, test)
    for sheet_ in sheets:
        screen.show(sheet_)
    if not any(sheet_.marked for sheet_ in sheets):
        print(f"no finished configuration of {before} is in {after}", flush=True)
    for folder, found in zip((before, after), records, strict=True):
        said = unfinished.lines(found)
        if said:
            print(f"{folder}:", *(line for line in said if not line.startswith(" ")), sep="\n", flush=True)
