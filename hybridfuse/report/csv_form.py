"""Leaderboards as CSV, for programs: every number in full, one configuration a line. Free of torch."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.estimate import Estimate

_NUMBERS = ("mean", "sd", "low", "high", "n")


def text(boards: Sequence[Leaderboard]) -> str:
    """All leaderboards one below the other, each with its data set and the metric that decides."""
    metrics = list(dict.fromkeys(metric for board in boards for metric in board.metrics))
    chosen = ("interdependence", "fusion", "axis", "model", "postprocess", "settings")
    measured = [f"{metric} {name}" for metric in metrics for name in _NUMBERS]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["data", "selected by", "standing", "configuration", "kind", "p", "seeds"]
    writer.writerow([*head, *measured, "seconds", "parameters", *chosen, "hash"])
    for board in boards:
        writer.writerows(_row(board, entry, metrics) for entry in board.entries)
        if board.naive:
            naive = _measured(board.naive, metrics)
            writer.writerow([board.data, board.metric, "", "naive answer", "naive", "", "", *naive, *[""] * 9])
    return file.getvalue()


def _row(board: Leaderboard, entry: Entry, metrics: Sequence[str]) -> list[object]:
    row = entry.rows[0]
    chosen = ["+".join(row.interdependence), row.fusion, row.axis, row.model, row.postprocess, " ".join(row.settings)]
    seeds = " ".join(str(one.seed) for one in entry.rows)
    p = "" if entry.p is None else entry.p
    first = [board.data, board.metric, entry.standing, entry.label, entry.kind, p, seeds]
    return [
        *first,
        *_measured(entry.estimates, metrics),
        _known(entry.seconds),
        entry.parameters,
        *chosen,
        row.configuration,
    ]


def _measured(estimates: Mapping[str, Estimate], metrics: Sequence[str]) -> list[object]:
    found = [estimates.get(metric) for metric in metrics]
    return [_known(number) for one in found for number in (one or [""] * len(_NUMBERS))]


def _known(number: float | str) -> float | str:
    return "" if isinstance(number, float) and math.isnan(number) else number
