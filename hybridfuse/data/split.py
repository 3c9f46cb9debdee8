"""Which rows train, validate and test. Free of torch, scikit-learn and polars."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from hybridfuse import check


class Rows(NamedTuple):
    """Indices of the rows of each split, in increasing order unless `mixed`."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


def shares(validation: float, test: float) -> tuple[float, float]:
    """Shares of all rows, found to be above 0 and to leave some rows to train."""
    given = check.positive("validation", validation), check.positive("test", test)
    if sum(given) >= 1:
        raise ValueError(f"validation + test must be < 1, got {validation} + {test}.")
    return given


def number(name: str, given: float, rows: int) -> int:
    """How many rows are meant: by a share of all rows, below 1, or by their number.

    Raises:
        ValueError: if it is not above 0, or neither below 1 nor whole.
        TypeError: if it is no number.
    """
    value = check.positive(name, given)
    if value >= 1 and value % 1:
        raise ValueError(f"{name} must be a share below 1 or a whole number of rows, got {given}.")
    return int(value) if value >= 1 else _rounded(value * rows)


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


def per_class(strata: Int[np.ndarray, " rows"], train: int, validation: int, seed: int) -> Rows:
    """As many rows of each class at random to train and to validate; all others test.

    Args:
        strata: the class of each row; a row whose class is below 0 is in no split.
        train, validation: rows of each class.
        seed: of the random choice; the same in all versions of NumPy.

    Raises:
        ValueError: if a class has no row left to test.

    References: Shchur, Mumme, Bojchevski & Günnemann (2018), arXiv 1811.05868, section 3: 20 and 30.
    """
    random = np.random.RandomState(seed)
    parts: list[list[Int[np.ndarray, " part"]]] = []
    for stratum in np.unique(strata[strata >= 0]):
        rows = random.permutation(np.flatnonzero(strata == stratum))
        if len(rows) <= train + validation:
            raise ValueError(
                f"a class must have more than {train} + {validation} rows to split, got {len(rows)} of class "
                f"{stratum}; lower data.train_per_class or data.validation_per_class."
            )
        parts.append(np.split(rows, [train, train + validation]))
    return Rows(*(np.sort(np.concatenate(part)) for part in zip(*parts, strict=True)))


def folds(strata: Shaped[np.ndarray, " rows"], count: int, fold: int, validation: float, seed: int) -> Rows:
    """One fold of several tests; of the other rows, a share of all rows validates and the rest train.

    Folds are of equal size, to within a row, and so is what they have of each stratum. The seed decides all of them.

    Args:
        strata: the class of each row.
        count: of the folds.
        fold: which one tests, from 0 on.
        validation: share of all rows, drawn from each stratum; at least one row of it.
        seed: of the random choice; the same in all versions of NumPy.

    Raises:
        ValueError: if a stratum has less rows than there are folds, or too few to train.
    """
    random = np.random.RandomState(seed)
    parts: list[tuple[Int[np.ndarray, " part"], ...]] = []
    dealt = 0
    for stratum in np.unique(strata):
        rows = random.permutation(np.flatnonzero(strata == stratum))
        tested = (np.arange(dealt, dealt + len(rows)) % count) == fold
        others, validated = rows[~tested], max(1, _rounded(validation * len(rows)))
        if len(rows) < count or len(others) <= validated:
            raise ValueError(
                f"each class must have at least {count} rows, one for each fold, and more that train than the "
                f"{validated} that validate, got {len(rows)} of class {stratum}."
            )
        parts.append((others[validated:], others[:validated], rows[tested]))
        dealt += len(rows)
    return Rows(*(np.sort(np.concatenate(part)) for part in zip(*parts, strict=True)))


def mixed(rows: Rows, seed: int) -> Rows:
    """The same splits, those that validate and test in random order.

    Of a table that is sorted by class, batches would be of one class, and a network that relates the instances of a
    batch would be helped by that.

    Args:
        rows: of each split.
        seed: of the random order.
    """
    random = np.random.RandomState(seed)
    return rows._replace(validation=random.permutation(rows.validation), test=random.permutation(rows.test))


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
