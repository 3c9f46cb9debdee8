import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Shaped

from hybridfuse import check
from hybridfuse.data import node_columns, preprocess
from hybridfuse.data.cells import Cells, check_name, listed
from hybridfuse.data.csv_data import CsvData
from hybridfuse.data.file_data import file_content
from hybridfuse.data.graph_data import GraphData, GraphTable
from hybridfuse.data.preparation import Preparation
from hybridfuse.data.split import Rows
from hybridfuse.data.table import Table, Target, TaskName
from hybridfuse.functional import links as reading
from hybridfuse.record import file_checksum


class GraphCsvData(GraphData):
    """A graph of yours: a table of its nodes, as of `CsvData`, and a file of its links.

    Nodes without a target are in no split, but part of the graph. Attributes are prepared by what the training nodes
    show.

    Args:
        path: the table, a row for each node.
        target: the column to be predicted.
        links: a CSV file with a pair of nodes a line, and weights if its first line is source,target,weight; or an
            .npz file of pairs.
        node: the column that names the nodes; by default the first row is node 0, the next one node 1, and so on.
        directed: whether a link leads one way only.
        split: the column that says train, validation or test, or nothing, of each node; by default at random.
        task: as of `CsvData`, like the next three.
        validation: share of the nodes with a target, in a split at random. Above 0; together with test below 1.
        test: share of them. Above 0.
        seed: of a split at random. At least 0.

    Raises:
        ValueError: if path, target or links is missing, or an option is out of its bounds.
        TypeError: if an option is of another kind.
    """

    def __init__(
        self,
        path: str | None = None,
        target: str | None = None,
        links: str | None = None,
        node: str | None = None,
        directed: bool = False,
        split: str | None = None,
        task: TaskName | None = None,
        ignore: Sequence[str] | None = None,
        categorical: Sequence[str] | None = None,
        max_categories: int = 50,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
    ) -> None:
        special = [str(column) for column in (node, split) if column is not None]
        left_out = [*listed("ignore", ignore), *special]
        self.table = CsvData(
            path, target, task, left_out, categorical, max_categories, 1, validation, test, seed, False
        )
        if links is None:
            raise ValueError("data.links must be given, a file of links, e.g. data.links=edges.csv.")
        super().__init__(self.table.path.stem)
        self.path = Path(links).expanduser()
        self.node = None if node is None else str(node)
        self.split = split
        self.directed = check.truth("directed", directed)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"graph": {"node": self.node, "directed": self.directed}}

    @property
    def links_checksum(self) -> str:
        """SHA-256 of the file of links."""
        return file_checksum(self.path)

    def read(self) -> GraphTable:
        content = file_content(self.table.path)
        cells = self.table.cells(content)
        for option, column in (("node", self.node), ("split", self.split)):
            if column is not None:
                check_name(option, str(column), cells.frame.columns, cells.file)
        numbers, categories = self.table.attributes(cells)
        known = node_columns.labelled(cells, self.table.target)
        said = None if self.split is None else node_columns.split(cells, str(self.split), known, self.table.target)
        target = self._target(cells, known)
        rows = said or self._drawn(target, known)
        checksum = hashlib.sha256(content).hexdigest()
        x, preparation = _prepared(Table(numbers, categories, target, checksum), rows)
        links = links_of(self.path, cells, self.node, self.directed)
        names = preparation.feature_names
        return GraphTable(x, names, target, links, rows, checksum, preparation)

    def _target(self, cells: Cells, known: Int[np.ndarray, " known"]) -> Target:
        """The target of each node: -1, or NaN, where it is not known."""
        lines = None if cells.lines is None else [cells.lines[row] for row in known]
        found = self.table.target_of(Cells(cells.frame[known.tolist()], cells.file, lines))
        values = np.full(len(cells.frame), -1 if found.classes else np.nan, found.values.dtype)
        values[known] = found.values
        return replace(found, values=values)

    def _drawn(self, target: Target, known: Int[np.ndarray, " known"]) -> Rows:
        chosen = self.table.split_rows(replace(target, values=target.values[known]))
        return Rows(*(known[part] for part in chosen))


def links_of(path: Path, cells: Cells, node: str | None, directed: bool) -> Shaped[np.ndarray, "z columns"]:
    """The links of a file between the nodes of a table, by their rows; both directions unless they are directed.

    Raises:
        ValueError: if a link is none, or names a node that is not in the table.
        FileNotFoundError: if there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"data.links must be a file of links, got {path}, which does not exist.")
    if node is not None:
        check_name("node", node, cells.frame.columns, cells.file)
    nodes = None if node is None else node_columns.names(cells, node)
    pairs, weights = reading.read("data.links", None, str(path), nodes, len(cells.frame))
    if not len(pairs):
        warnings.warn(f"data.links, {path}, holds no links.", stacklevel=1)
    found = pairs.numpy() if weights is None else np.column_stack([pairs.numpy(), weights.numpy()])
    return found if directed else np.concatenate([found, found[:, _reversed(found)]])


def _prepared(table: Table, rows: Rows) -> tuple[Float32[np.ndarray, "n m"], Preparation]:
    """The attributes of all nodes, prepared by those that train."""
    everything = np.arange(len(table.target.values))
    parts, preparation = preprocess.attributes(table, Rows(rows.train, everything, rows.test))
    return parts[1], preparation


def _reversed(links: Shaped[np.ndarray, "z columns"]) -> Int[np.ndarray, " columns"]:
    """The columns of links, source and target exchanged."""
    return np.array([1, 0, 2])[: links.shape[1]]
