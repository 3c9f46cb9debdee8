"""Which task a target poses, and the target as classes or as numbers."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from hybridfuse.data.table import Target, TaskName

MOST_CLASSES = 20
"""Up to how many distinct whole numbers are taken for classes."""
LEAST_ROWS = 3
"""Rows that a class must have: one for each split."""


def inferred(name: str, cells: Shaped[np.ndarray, " rows"]) -> tuple[TaskName, str]:
    """The task of a target that nobody stated, and a sentence on why.

    Texts and at most `MOST_CLASSES` distinct whole numbers are classes; other numbers are a regression's.
    """
    distinct = len(np.unique(cells))
    if cells.dtype == object:
        return "classification", f"task: classification, inferred from {distinct} distinct texts in {name!r}."
    kind, task, other = "whole numbers", "classification", "regression"
    if np.any(cells % 1) or distinct > MOST_CLASSES:
        kind, task, other = "numbers" if np.any(cells % 1) else kind, "regression", "classification"
    return task, f"task: {task}, inferred from {distinct} distinct {kind} in {name!r}; data.task={other} overrides."


def numbers(name: str, cells: Float[np.ndarray, " rows"], note: str = "") -> Target:
    """The target of a regression.

    Raises:
        ValueError: if float32 cannot hold a number.
    """
    largest = float(np.abs(cells).max())
    if largest > float(np.finfo(np.float32).max):
        raise ValueError(f"target {name!r} must hold numbers that float32 can hold, got {largest}.")
    return Target(name, cells, [], note)


def classes(name: str, cells: Shaped[np.ndarray, " rows"], note: str = "") -> Target:
    """The target of a classification: classes sorted as numbers where they are, else as texts.

    Raises:
        ValueError: if there is only one class, or a class has less than `LEAST_ROWS` rows.
    """
    found, indices = np.unique(cells, return_inverse=True)
    names = [str(value).removesuffix(".0") if cells.dtype != object else str(value) for value in found.tolist()]
    if len(names) < 2:
        raise ValueError(f"target {name!r} must have at least 2 classes, got only {names[0]!r}.")
    _check_counts(name, names, np.bincount(indices), cells.dtype != object)
    return Target(name, indices.astype(np.int64), names, note)


def learnable(target: Target, train: Int[np.ndarray, " train"]) -> tuple[Shaped[np.ndarray, " rows"], float, float]:
    """What a network is to learn, and the mean and the standard deviation of the training rows that it is scaled by.

    Indices of classes as they are, scaled by 0 and 1; numbers standardised, in float32.

    Raises:
        ValueError: if all training rows have the same number.
    """
    if target.classes:
        return target.values, 0.0, 1.0
    values = target.values[train]
    if values.min() == values.max():
        raise ValueError(f"target {target.name!r} must vary, got {values[0]} in every training row.")
    mean, scale = float(values.mean()), float(values.std())
    return ((target.values - mean) / scale).astype(np.float32), mean, scale


def _check_counts(name: str, names: list[str], counts: Int[np.ndarray, " classes"], numeric: bool) -> None:
    rarest = int(counts.argmin())
    if counts[rarest] < LEAST_ROWS:
        remedy = ", or use data.task=regression" if numeric else ""
        raise ValueError(
            f"each class of target {name!r} must have at least {LEAST_ROWS} rows, one for each split, "
            f"got {counts[rarest]} of {names[rarest]!r}; delete these rows or give them another class{remedy}."
        )
