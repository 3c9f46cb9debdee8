"""Whether a leaderboard is a grid of functions × fusions, and its numbers. Free of torch."""

from typing import NamedTuple

from hybridfuse.report.board import Entry, Leaderboard


class Grid(NamedTuple):
    """Entries by functions and fusion; None where there is none."""

    functions: list[str]
    fusions: list[str]
    cells: list[list[Entry | None]]


def grid(board: Leaderboard) -> Grid | None:
    """The grid; None if there are not two of each, if less than half of it is there, or if a cell has two entries."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in board.entries:
        row = entry.rows[0]
        place = "+".join(row.interdependence), row.fusion
        if entry.kind == "control" or not entry.estimates[board.metric].n:
            continue
        if place in found:
            return None
        found[place] = entry
    # A single function is the same under any fusion, and has run under one: it is no row of the grid.
    functions = [name for name in _sorted(found, 0) if sum(name == place[0] for place in found) > 1]
    fusions = _sorted({place: entry for place, entry in found.items() if place[0] in functions}, 1)
    cells = [[found.get((name, fusion)) for fusion in fusions] for name in functions]
    there = sum(entry is not None for row in cells for entry in row)
    is_grid = len(functions) > 1 and len(fusions) > 1 and 2 * there >= len(functions) * len(fusions)
    return Grid(functions, fusions, cells) if is_grid else None


def _sorted(found: dict[tuple[str, str], Entry], part: int) -> list[str]:
    return sorted({place[part] for place in found}, key=lambda name: (name.count("+"), name))
