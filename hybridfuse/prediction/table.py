"""Predictions of the rows of a table."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from torch import Tensor

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.data.cells import Cells
from hybridfuse.prediction import answers, batches, progress, written
from hybridfuse.prediction.finished import FinishedRun
from hybridfuse.prediction.rows import Rows
from hybridfuse.prediction.source import Source


def predict(run: FinishedRun, source: Source, out: Path, keep: Sequence[str]) -> int:
    """Writes a prediction for each row of a table, in its order; gives their number.

    Args:
        run: what predicts.
        source: the table.
        out: the file that is written.
        keep: columns of the table that stand beside the predictions.

    Raises:
        CommandError: if the run was not trained on a table.
        ValueError: if the table does not fit.
    """
    if run.preparation is None:
        raise CommandError(
            f"run must be of a table, a series or a graph in files, got {run.folder} of {_data_of(run)}."
        )
    prepared, said = Rows(run.preparation), answers.of_data(run.known)
    for name in keep:
        if name in said.names:
            raise CommandError(
                f"keep must leave out {', '.join(said.names)}, which predictions are called, got {name}."
            )
    network = run.network()
    related = batches.relating(network)
    size = run.known["b"] if related else batches.size(run.known["m"])
    if related:
        _note(f"{', '.join(related)} relates the rows of a batch: predicted in batches of {size} rows, as in training.")
    kept: list[pl.DataFrame] = []
    with progress.shown(source) as bar:
        parts = (_attributes(prepared, cells, keep, kept) for cells in bar.over(source.chunks()))
        frames = (said.columns(output) for output in batches.answers(network, parts, size, bool(related)))
        count = written.write(out, _beside(frames, kept) if keep else frames)
    for note in prepared.notes():
        _note(note)
    return count


def _attributes(prepared: Rows, cells: Cells, keep: Sequence[str], kept: list[pl.DataFrame]) -> Tensor:
    """The attributes of some rows; their columns that are kept are added to `kept`."""
    for name in keep:
        check.choice("keep", name, cells.frame.columns)
    kept.append(cells.frame.select(keep))
    return prepared.attributes(cells)


def _beside(frames: Iterator[pl.DataFrame], kept: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Predictions with the kept columns of their rows, which have been read before them."""
    for frame in frames:
        whole = pl.concat(kept)
        kept[:] = [whole[len(frame) :]]
        yield whole[: len(frame)].hstack(frame.get_columns())


def _data_of(run: FinishedRun) -> str:
    return str(run.config.data["_target_"]).rpartition(".")[2]


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)
