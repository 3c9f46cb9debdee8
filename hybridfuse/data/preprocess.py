"""From typed columns to numbers that a network can learn from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int

from hybridfuse.data.preparation import Preparation
from hybridfuse.data.split import Rows
from hybridfuse.data.table import Categories, Table

Parts = tuple[Float32[np.ndarray, "part m"], ...]


def attributes(table: Table, rows: Rows) -> tuple[Parts, Preparation]:
    """The attributes of each split, prepared by what the training rows alone show, and how they are prepared.

    A missing number becomes the mean, a missing text the most frequent one; numbers are scaled to mean 0 and
    standard deviation 1 (constant ones to 0); a text becomes a column for each text of the training rows, and all
    zeros where it is none of them. Numbers come first.

    Raises:
        ValueError: if numbers lie so far apart that float32 cannot hold them once they are scaled.
    """
    try:
        preparation = fitted(table, rows.train)
    except FloatingPointError as error:
        raise _unscalable(table.numbers) from error
    places = [_places(column, preparation, name) for name, column in table.categories.items()]
    parts = tuple(
        preparation.attributes([column[part] for column in table.numbers.values()], [place[part] for place in places])
        for part in rows
    )
    if not all(np.isfinite(part).all() for part in parts):
        raise _unscalable(table.numbers)
    return parts, preparation


def fitted(table: Table, train: Int[np.ndarray, " train"]) -> Preparation:
    """What the training rows show.

    Raises:
        FloatingPointError: if a number is too large for that.
    """
    columns = [*table.numbers.values(), *(column.codes for column in table.categories.values())]
    transformer = _transformer(len(table.numbers), len(columns))
    with np.errstate(over="raise", invalid="raise"):
        transformer.fit(np.stack([column[train] for column in columns], axis=1))
    parts = transformer.named_transformers_
    imputer, scaler = parts["numbers"] if table.numbers else (None, None)
    usual, encoder = parts["categories"] if table.categories else (None, None)
    return Preparation(
        numbers=list(table.numbers),
        fill=[] if imputer is None else imputer.statistics_.tolist(),
        mean=[] if scaler is None else scaler.mean_.tolist(),
        scale=[] if scaler is None else scaler.scale_.tolist(),
        categories={} if encoder is None else _texts(table.categories, encoder.categories_),
        usual={} if usual is None else _usual(table.categories, usual.statistics_),
    )


def _transformer(numbers: int, columns: int) -> Any:
    """For a matrix whose first columns are numbers and whose others are indices of categories."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    scale = make_pipeline(SimpleImputer(strategy="mean", keep_empty_features=True), StandardScaler())
    encode = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    parts = [("numbers", scale, list(range(numbers))), ("categories", encode, list(range(numbers, columns)))]
    return ColumnTransformer([part for part in parts if part[-1]])


def _texts(categories: Mapping[str, Categories], kept: Any) -> dict[str, list[str]]:
    """The texts of the training rows in each column."""
    pairs = zip(categories.items(), kept, strict=True)
    return {name: [column.names[int(code)] for code in codes] for (name, column), codes in pairs}


def _usual(categories: Mapping[str, Categories], codes: Any) -> dict[str, str]:
    pairs = zip(categories.items(), codes, strict=True)
    return {name: column.names[int(code)] for (name, column), code in pairs}


def _places(column: Categories, preparation: Preparation, name: str) -> Int[np.ndarray, " rows"]:
    """Where the text of each row stands among the known ones; that of the usual one where it is missing."""
    known = {text: place for place, text in enumerate(preparation.categories[name])}
    of_codes = np.array([*(known.get(text, -1) for text in column.names), known[preparation.usual[name]]])
    return of_codes[np.where(np.isnan(column.codes), len(column.names), column.codes).astype(np.int64)]


def _unscalable(numbers: Mapping[str, Float[np.ndarray, " rows"]]) -> ValueError:
    largest = {name: float(np.nanmax(np.abs(column))) for name, column in numbers.items()}
    name = max(largest, key=lambda name: largest[name])
    return ValueError(f"column {name!r} must hold numbers that float32 can scale, got {largest[name]}.")
