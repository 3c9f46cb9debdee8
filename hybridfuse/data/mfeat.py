"""Several views of the same instances, one file a view. Free of torch; polars is imported when a file is read."""

import io
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

View = Float64[np.ndarray, "rows columns"]


def read(content: bytes) -> View:
    """The numbers of a file below its first line; the last column is the label."""
    import polars as pl

    return pl.read_csv(io.BytesIO(content), infer_schema=False).cast(pl.Float64).to_numpy()


class SideBySide(NamedTuple):
    """Columns of several views.

    Args:
        columns: by names of their own.
        places: where those of each view stand.
        labels: of the rows.
    """

    columns: dict[str, Float64[np.ndarray, " rows"]]
    places: dict[str, slice]
    labels: Float64[np.ndarray, " rows"]


def side_by_side(views: Mapping[str, View]) -> SideBySide:
    """The columns of all views, the rows of which are the same instances.

    Raises:
        ValueError: if views differ in the number of rows or in a label.
    """
    columns: dict[str, Float64[np.ndarray, " rows"]] = {}
    places: dict[str, slice] = {}
    first, reference = next(iter(views.items()))
    for name, view in views.items():
        if len(view) != len(reference):
            raise ValueError(f"views must be of the same rows, got {len(reference)} of {first}, {len(view)} of {name}.")
        differing = np.flatnonzero(view[:, -1] != reference[:, -1])
        if len(differing):
            raise ValueError(
                f"views must have the same labels, got others in {first} and {name}, first in row {differing[0] + 1}."
            )
        places[name] = slice(len(columns), len(columns) + view.shape[1] - 1)
        columns |= {f"{name} {index}": column for index, column in enumerate(view[:, :-1].T)}
    return SideBySide(columns, places, reference[:, -1])
