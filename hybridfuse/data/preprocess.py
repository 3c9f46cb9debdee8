"""From typed columns to numbers that a network can learn from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from hybridfuse.data.split import Rows
from hybridfuse.data.table import Categories, Table


def attributes(table: Table, rows: Rows) -> tuple[tuple[Float32[np.ndarray, "part m"], ...], list[str]]:
    """The attributes of each split, prepared by what the training rows alone show, and their names.

    A missing number becomes the mean, a missing text the most frequent one; numbers are scaled to mean 0 and
    standard deviation 1 (constant ones to 0); a text becomes a column for each text of the training rows, and all
    zeros where it is none of them. Numbers come first.

    Raises:
        ValueError: if numbers lie so far apart that float32 cannot hold them once they are scaled.
    """
    columns = [*table.numbers.values(), *(column.codes for column in table.categories.values())]
    matrix = np.stack(columns, axis=1)
    transformer = _transformer(len(table.numbers), len(columns))
    try:
        with np.errstate(over="raise", invalid="raise"):
            transformer.fit(matrix[rows.train])
            parts = tuple(transformer.transform(matrix[part]).astype(np.float32) for part in rows)
    except FloatingPointError as error:
        name, largest = _largest(table.numbers)
        raise ValueError(f"column {name!r} must hold numbers that float32 can scale, got {largest}.") from error
    return parts, [*table.numbers, *_encoded_names(transformer, table.categories)]


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


def _encoded_names(transformer: Any, categories: Mapping[str, Categories]) -> list[str]:
    """`<column>=<text>` for each column that a text became."""
    if not categories:
        return []
    kept = transformer.named_transformers_["categories"][-1].categories_
    return [
        f"{name}={column.names[int(code)]}"
        for (name, column), codes in zip(categories.items(), kept, strict=True)
        for code in codes
    ]


def _largest(numbers: Mapping[str, Float[np.ndarray, " rows"]]) -> tuple[str, float]:
    largest = {name: float(np.nanmax(np.abs(column))) for name, column in numbers.items()}
    name = max(largest, key=lambda name: largest[name])
    return name, largest[name]
