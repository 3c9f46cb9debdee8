"""Predictions of the nodes of a graph."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import torch

from hybridfuse import check
from hybridfuse.data import graph_csv_data
from hybridfuse.data.cells import Cells
from hybridfuse.prediction import answers, progress, written
from hybridfuse.prediction.finished import FinishedRun
from hybridfuse.prediction.rows import Rows
from hybridfuse.prediction.source import Source


def predict(run: FinishedRun, source: Source, links: Path, out: Path, keep: Sequence[str]) -> int:
    """Writes a prediction for each node of a graph, in the order of its table; all nodes are one batch.

    Args:
        run: what predicts.
        source: the table of the nodes.
        links: the file of their links.
        out: the file that is written.
        keep: columns of the table that stand beside the predictions.

    Raises:
        ValueError: if table and links do not fit each other, or what the network was trained on.
    """
    preparation = run.preparation
    if preparation is None:
        raise ValueError(
            f"the attributes of {run.folder} are not those of a table, so that it has no nodes to predict."
        )
    with progress.shown(source) as bar:
        parts = list(bar.over(source.chunks()))
    lines = [line for part in parts for line in part.lines or ()]
    cells = Cells(pl.concat([part.frame for part in parts]), parts[0].file, lines)
    for name in keep:
        check.choice("keep", name, cells.frame.columns)
    known = run.known["graph"]
    found = graph_csv_data.links_of(links, cells, known["node"], known["directed"])
    network = run.network(len(cells.frame), found)
    with torch.inference_mode():
        said = answers.of_data(run.known).columns(network(Rows(preparation).attributes(cells)))
    return written.write(out, [cells.frame.select(keep).hstack(said.get_columns()) if keep else said])
