"""Which rows train, validate and test. Free of torch, scikit-learn and polars."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped


class Rows(NamedTuple):
    """Indices of the rows of each split, in increasing order."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


def stratified(strata: Shaped[np.ndarray, " rows"], validation: float, test: float, seed: int, least: int = 1) -> Rows:
    """Splits rows at random so that each stratum has the same shares in each split, to within half a row.

    scikit-learn's `train_test_split` keeps the shares as well, but may leave a split without a small class.

    Args:
        strata: the class of each row; all equal where there is none.
        validation, test: shares of all rows.
        seed: of the random choice; the same in all versions of NumPy.
        least: rows of a stratum that each split has at least, also where its share would be less.

    Raises:
        ValueError: if a stratum has less than 3 `least` rows.
    """
    random = np.random.RandomState(seed)
    parts: list[list[Int[np.ndarray, " part"]]] = []
    for stratum in np.unique(strata):
        rows = random.permutation(np.flatnonzero(strata == stratum))
        tested, validated = _sizes(len(rows), validation, test, least)
        parts.append(np.split(rows, [tested, tested + validated]))
    testing, validating, training = (np.sort(np.concatenate(part)) for part in zip(*parts, strict=True))
    return Rows(training, validating, testing)


def _sizes(rows: int, validation: float, test: float, least: int) -> tuple[int, int]:
    """Rows of a stratum to test and to validate; the others train."""
    if rows < 3 * least:
        raise ValueError(f"a table must have at least {3 * least} rows, {least} for each split, got {rows}.")
    tested = min(max(least, _rounded(test * rows)), rows - 2 * least)
    validated = min(max(least, _rounded(validation * rows)), rows - tested - least)
    return tested, validated


def _rounded(value: float) -> int:
    """The nearest whole number, the upper of two, so that halves do not alternate between classes."""
    return int(value + 0.5)
