"""The forecast of what comes after a series."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.data import series, series_cells
from hybridfuse.data.cells import Cells
from hybridfuse.data.series import Series
from hybridfuse.prediction import batches, progress, written
from hybridfuse.prediction.finished import FinishedRun
from hybridfuse.prediction.source import Source


def predict(run: FinishedRun, source: Source, out: Path) -> int:
    """Writes what follows the last times of a series: a row for each of the next times, a column for each channel.

    Args:
        run: what forecasts.
        source: the series, its columns found by their names.
        out: the file that is written; numbers are in the units of the series.

    Raises:
        ValueError: if a channel is missing, there are fewer times than the network looks back to, or the last of them
            are no numbers, or at no even steps.
    """
    known: dict[str, Any] = run.known["series"]
    with progress.shown(source) as bar:
        cells = _last(bar.over(source.chunks()), known["look_back"])
    x = _window(cells, known)
    network = run.network()
    rows = run.known["b"] if batches.relating(network) else len(x)
    output = torch.cat(list(batches.answers(network, [x], rows, filled=False)))
    return written.write(out, [_columns(output, known)])


def _last(parts: Iterator[Cells], times: int) -> Cells:
    """The last rows of a table.

    Raises:
        ValueError: if there are fewer.
    """
    held: deque[Cells] = deque()
    for part in parts:
        held.append(part)
        while sum(len(cells.frame) for cells in held) - len(held[0].frame) >= times:
            held.popleft()
    frame = pl.concat([cells.frame for cells in held])
    if len(frame) < times:
        raise ValueError(f"{held[0].file} must have the {times} times that a forecast looks back to, got {len(frame)}.")
    lines = [line for cells in held for line in cells.lines or ()]
    return Cells(frame[-times:], held[0].file, lines[-times:])


def _window(cells: Cells, known: dict[str, Any]) -> Float[Tensor, "rows m"]:
    """The last window of each channel, scaled as in training; side by side where channels are taken together."""
    names = cells.frame.columns
    for name in known["channels"]:
        if name not in names:
            raise ValueError(
                f"{cells.file} must have the columns of the training data, got none called {name!r}"
                f"{check.nearest(name, [other for other in names if other not in known['channels']]) or '.'}"
            )
    time = known["time"] if known["time"] in names else None
    chosen = Cells(cells.frame.select([*([time] if time else []), *known["channels"]]), cells.file, cells.lines)
    values, channels = series_cells.values(chosen, time, ())
    scaled = series.standardised(Series(values, channels, ""), np.array(known["means"]), np.array(known["scales"]))
    window = torch.from_numpy(np.ascontiguousarray(scaled.T))
    return window.reshape(1, -1) if known["together"] else window


def _columns(output: Float[Tensor, "rows outputs"], known: dict[str, Any]) -> pl.DataFrame:
    """The forecast of each channel that is forecast, in its own units, by steps from the last time on."""
    places = [known["channels"].index(name) for name in known["targets"]]
    steps = output.double().reshape(-1, known["horizon"])
    ahead = steps if known["together"] else steps[places]
    values = [
        (row * known["scales"][place] + known["means"][place]).numpy() for row, place in zip(ahead, places, strict=True)
    ]
    return pl.DataFrame({"step": range(1, known["horizon"] + 1), **dict(zip(known["targets"], values, strict=True))})
