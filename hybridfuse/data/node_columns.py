"""The columns of a table of nodes that are no attributes: their names, which have a target, and what splits them."""

import re

import numpy as np
from jaxtyping import Int

from hybridfuse.data.cells import Cells
from hybridfuse.data.split import Rows

_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


def names(cells: Cells, column: str) -> list[str] | list[int]:
    """What the nodes are called; whole numbers where all are.

    Raises:
        ValueError: if a node has no name, or that of another.
    """
    texts: list[str | None] = cells.frame[column].to_list()
    seen: dict[str, int] = {}
    for row, text in enumerate(texts):
        if text is None:
            raise ValueError(f"column {column!r} must name each node, got no name in {cells.place(row)}.")
        if text in seen:
            raise ValueError(
                f"column {column!r} must name each node differently, got {text!r} in {cells.place(seen[text])} and "
                f"in {cells.place(row)}."
            )
        seen[text] = row
    return [int(text) for text in seen] if all(map(_WHOLE.fullmatch, seen)) else list(seen)


def labelled(cells: Cells, target: str) -> Int[np.ndarray, " known"]:
    """The rows that have a target.

    Raises:
        ValueError: if there are none.
    """
    known = np.flatnonzero(cells.frame[target].is_not_null().to_numpy())
    if not len(known):
        raise ValueError(f"target {target!r} must have a value in some row of {cells.file}, got only empty cells.")
    return known


def split(cells: Cells, column: str, known: Int[np.ndarray, " known"], target: str) -> Rows:
    """The rows of each split as a column says: train, validation, test, or nothing.

    Raises:
        ValueError: if the column says anything else, a split has no rows, or one of them no target.
    """
    texts: list[str | None] = cells.frame[column].to_list()
    parts: dict[str, list[int]] = {name: [] for name in Rows._fields}
    labels = set(known.tolist())
    for row, text in enumerate(texts):
        if text is None:
            continue
        if text not in parts:
            raise ValueError(
                f"column {column!r} must say {', '.join(parts)} or nothing of each node, "
                f"got {text!r} in {cells.place(row)}."
            )
        if row not in labels:
            raise ValueError(
                f"target {target!r} must have a value in each row of a split, "
                f"got none in {cells.place(row)}, a row of {text}; fill the cell or empty that of {column!r}."
            )
        parts[text].append(row)
    for name, rows in parts.items():
        if not rows:
            raise ValueError(f"column {column!r} must say {name} of some node of {cells.file}, got none.")
    return Rows(*(np.array(rows) for rows in parts.values()))
