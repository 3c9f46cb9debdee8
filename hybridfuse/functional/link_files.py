"""Links from files: CSV and .npz."""

import csv
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from hybridfuse.functional import link_rows
from hybridfuse.functional.link_rows import Found

_HEADERS = {("source", "target"), ("from", "to")}
_LARGE = 1 << 20


def read(name: str, path: Path, whole: bool) -> Found:
    """Ends and weights; `whole` says that nodes are whole numbers, `name` what messages call whose links they are."""
    if not path.is_file():
        raise FileNotFoundError(f"{name}.path must be a CSV or .npz file of links, got {path}, which does not exist.")
    return _of_npz(name, path) if path.suffix == ".npz" else _of_csv(path, whole)


def _of_npz(name: str, path: Path) -> Found:
    """As `scipy.sparse.save_npz` writes it, or an array of links and one of weights."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {} if "format" in file.files else {key: file[key] for key in file.files}
        if not arrays:
            return link_rows.of_sparse(sparse.load_npz(path))
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name}.path must be an .npz file of arrays of numbers, got {path}: {error}") from error
    weights = arrays.pop("weights", None)
    if len(arrays) != 1:
        got = ", ".join(sorted(arrays)) or "none"
        raise ValueError(f"{name}.path must hold one array of links, and weights if there are any, got {got}.")
    ends, own = link_rows.of_array(*arrays.values())
    if weights is not None and weights.shape != (len(ends),):
        raise ValueError(f"weights of the graph must be {len(ends)}, one for each link, got {weights.shape}.")
    return ends, own if weights is None else weights


def _of_csv(path: Path, whole: bool) -> Found:
    """A pair a line; a third column holds weights if the first line says so."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = ([cell.strip() for cell in line] for line in csv.reader(file) if line)
        first = next(lines, [])
        header = tuple(map(str.lower, first))
        weighted = header[:2] in _HEADERS and header[2:] == ("weight",)
        if path.stat().st_size > _LARGE and whole:
            found = _of_large_csv(path, weighted, weighted or header in _HEADERS)
            if found is not None:
                return found
        if not weighted and header not in _HEADERS and first:
            return _pairs_of_lines([first, *lines])
        return link_rows.named(map(tuple, lines)) if weighted else _pairs_of_lines(lines)


def _pairs_of_lines(lines: Iterable[list[str]]) -> Found:
    rows = [tuple(line) for line in lines]
    if rows and len(rows[0]) == 3:
        raise ValueError(
            f"link 1 of the graph must be a pair of nodes, got {rows[0]!r}; a first line source,target,weight says "
            "that the third column holds weights."
        )
    return link_rows.named(rows)


def _of_large_csv(path: Path, weighted: bool, header: bool) -> Found | None:
    """A file whose nodes are whole numbers throughout; None if they are not, so that it is read line by line."""
    import polars as pl

    schema: dict[str, Any] = {"source": pl.Int64, "target": pl.Int64, **({"weight": pl.Float64} if weighted else {})}
    try:
        table = pl.read_csv(path, has_header=header, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    if any(table.null_count().row(0)):
        return None
    ends = np.stack([table["source"].to_numpy(), table["target"].to_numpy()], axis=1)
    return ends, table["weight"].to_numpy() if weighted else None
