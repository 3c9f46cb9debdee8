"""Leaderboards as a picture: a point a seed, means with their intervals, and functions × fusions as colours."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.estimate import LEVEL_NAME
from hybridfuse.report.grid import Grid, grid
from hybridfuse.report.metric import higher_is_better
from hybridfuse.report.number import Numbers

MOST = 40
"""Configurations that are drawn; the first ones."""

_COLOURS = {"best": "#1b7837", "tied": "#5aae61"}
_OTHER = "#7f7f7f"
_INCHES = 0.28
_WIDE = 4.5
_TALLEST_CELL = 24


def figure(boards: Sequence[Leaderboard]) -> Figure:
    """For each leaderboard the deciding metric, the one beside it, and the grid where there is one."""
    heights = [_INCHES * (min(MOST, len(board.entries)) + 4) for board in boards]
    grids = [grid(board) for board in boards]
    columns = 2 + any(grids)
    drawn = Figure(figsize=(_WIDE * columns + 2, sum(heights) + 0.5 * len(boards)), layout="constrained")
    axes = drawn.subplots(len(boards), columns, squeeze=False, height_ratios=heights)
    for board, found, row in zip(boards, grids, axes, strict=True):
        _draw_metric(row[0], board, board.metric)
        _draw_metric(row[1], board, next(iter(board.others), ""))
        row[1].tick_params(labelleft=False)
        for ax in row[2:]:
            _draw_grid(drawn, ax, board, found)
    return drawn


def _draw_metric(ax: Axes, board: Leaderboard, metric: str) -> None:
    if not metric:
        ax.set_axis_off()
        return
    shown = board.entries[:MOST]
    for place, entry in enumerate(shown):
        _draw_entry(ax, place, entry, metric)
    ax.set_xlabel(metric)
    if metric in board.naive:
        ax.autoscale(False)  # the configurations decide the scale
        ax.axvline(board.naive[metric].mean, color=_OTHER, linestyle=":")
        ax.set_xlabel(f"{metric} (naive answer {board.naive[metric].mean:.4g})")
    ax.set_yticks(range(len(shown)), [_shortened(entry.label) for entry in shown], fontsize="small", parse_math=False)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.3)
    if metric == board.metric:
        rest = f", the first {MOST} of {len(board.entries)}" if len(board.entries) > MOST else ""
        ax.set_title(f"{board.data}{rest}: seeds, mean, {LEVEL_NAME} interval", loc="left", parse_math=False)


def _draw_entry(ax: Axes, place: int, entry: Entry, metric: str) -> None:
    of, colour = entry.estimates[metric], _COLOURS.get(entry.standing, _OTHER)
    values = [value for value in entry.values(metric).values() if math.isfinite(value)]
    ax.scatter(values, [place] * len(values), s=12, color=colour, alpha=0.5, linewidths=0)
    if not math.isnan(of.low):
        ax.plot([of.low, of.high], [place, place], color=colour, linewidth=1.5)
    if of.n:
        ax.plot(of.mean, place, marker="D", markersize=5, color=colour)


def _draw_grid(drawn: Figure, ax: Axes, board: Leaderboard, found: Grid | None) -> None:
    if found is None:
        ax.set_axis_off()
        return
    means = [[math.nan if e is None else e.estimates[board.metric].mean for e in row] for row in found.cells]
    image = ax.imshow(means, cmap="viridis" if higher_is_better(board.metric) else "viridis_r", aspect="auto")
    drawn.colorbar(image, ax=ax, label=board.metric)
    ax.set_xticks(range(len(found.fusions)), found.fusions, rotation=45, ha="right", fontsize="small")
    names = [_shortened(name) for name in found.functions]
    ax.set_yticks(range(len(names)), names, fontsize="small", parse_math=False)
    if len(found.functions) * len(found.fusions) <= _TALLEST_CELL**2:
        _write_cells(ax, means, found)


def _write_cells(ax: Axes, means: list[list[float]], found: Grid) -> None:
    """The mean of each cell, in bold where the configuration is the best or not significantly worse."""
    numbers = Numbers(value for row in means for value in row)
    box: dict[str, Any] = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.6, "linewidth": 0}
    for y, row in enumerate(found.cells):
        for x, entry in enumerate(row):
            if entry is not None:
                weight = "bold" if entry.standing in _COLOURS else "normal"
                text = numbers.number(means[y][x])
                ax.text(x, y, text, ha="center", va="center", fontsize="x-small", fontweight=weight, bbox=box)


def _shortened(label: str) -> str:
    return label if len(label) <= 60 else f"{label[:59]}…"
