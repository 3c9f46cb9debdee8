"""What the test metrics are without learning anything from the attributes."""

import math

import numpy as np
from jaxtyping import Float, Int

from hybridfuse.data.split import Rows
from hybridfuse.data.table import Target


def naive(target: Target, rows: Rows) -> dict[str, float]:
    """Test metrics of the naive answer to a target: its most frequent class, or its mean."""
    train, test = target.values[rows.train], target.values[rows.test]
    return majority(train, test, len(target.classes)) if target.classes else mean(train, test)


def majority(train: Int[np.ndarray, " train"], test: Int[np.ndarray, " test"], classes: int) -> dict[str, float]:
    """Accuracy and macro F1 of always answering the most frequent class of the training rows.

    With the share a of that class among the test rows, its F1 is 2 a / (1 + a), that of each other class 0.
    """
    frequent = np.bincount(train, minlength=classes).argmax()
    accuracy = float(np.mean(test == frequent))
    return {"accuracy": accuracy, "f1": 2 * accuracy / (1 + accuracy) / classes}


def mean(train: Float[np.ndarray, " train"], test: Float[np.ndarray, " test"]) -> dict[str, float]:
    """RMSE, MAE and R² of always answering the mean of the training rows; R² is NaN if all test rows are equal."""
    residuals = test - train.mean()
    total = float(np.sum((test - test.mean()) ** 2))
    return {
        "rmse": math.sqrt(np.mean(residuals**2)),
        "mae": float(np.mean(np.abs(residuals))),
        "r2": 1 - float(np.sum(residuals**2)) / total if total else math.nan,
    }
