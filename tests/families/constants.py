"""Constant matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from families.common import Array, Case, Wrong
from hybridfuse.interdependence.constant import Constant
from hybridfuse.interdependence.uniform import Uniform


def _eye(x: Array, columns: int) -> Array:
    return np.array([[float(i == j) for j in range(columns)] for i in range(len(x))])


def _given(n: int, p: int) -> list[list[float]]:
    return [[(3 * i - 2 * j) / 8 + 0.1 for j in range(p)] for i in range(n)]


def _tensor(n: int) -> torch.Tensor:
    return torch.tensor(_given(n, n), dtype=torch.float64).tril().to_sparse_csr()


ORACLES: dict[str, list[Case]] = {
    "constant": [
        (lambda n: {"matrix": _given(n, 4)}, lambda x, w: np.array(_given(len(x), 4))),
        (lambda n: {"matrix": _tensor(n)}, lambda x, w: np.tril(_given(len(x), len(x)))),
    ],
    "identity": [
        ({}, lambda x, w: _eye(x, len(x))),
        ({"p": 3}, lambda x, w: _eye(x, 3)),
        ({"p": 8}, lambda x, w: _eye(x, 8)),
    ],
    "one": [
        ({}, lambda x, w: np.ones((len(x), len(x)))),
        ({"p": 3}, lambda x, w: np.ones((len(x), 3))),
    ],
    "uniform": [
        ({}, lambda x, w: np.ones((len(x), len(x)))),
        ({"value": -0.1}, lambda x, w: np.full((len(x), len(x)), -0.1)),
        ({"value": 0.3, "p": 8}, lambda x, w: np.full((len(x), 8), 0.3)),
    ],
    "zero": [
        ({}, lambda x, w: np.zeros((len(x), len(x)))),
        ({"p": 8}, lambda x, w: np.zeros((len(x), 8))),
    ],
}

OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {"constant": lambda n: {"matrix": _given(n, n)}}


def _constant(matrix: object) -> Callable[[], object]:
    return lambda: Constant(6, 2, matrix=matrix)  # pyright: ignore[reportArgumentType]


ERRORS: list[Wrong] = [
    ("constant without a matrix", _constant(None), ValueError, "^constant needs matrix, a list of 2 rows of numbers"),
    ("constant of 3 rows", _constant([[1.0]] * 3), ValueError, r"^matrix must have 2 rows .*, got shape \(3, 1\)"),
    ("constant of a vector", _constant([1.0, 2.0]), ValueError, r"^matrix must have 2 rows .*, got shape \(2,\)"),
    ("constant without columns", _constant([[], []]), ValueError, r"^matrix must have 2 rows .*, got shape \(2, 0\)"),
    ("constant of unequal rows", _constant([[1.0], [1.0, 2.0]]), ValueError, "^matrix must hold 2 rows of equally"),
    ("constant of words", _constant([["a"], ["b"]]), ValueError, "^matrix must hold 2 rows of equally many numbers"),
    ("constant of nan", _constant([[1.0], [float("nan")]]), ValueError, "^matrix must hold finite numbers"),
    ("value inf", lambda: Uniform(6, 2, value=float("inf")), ValueError, r"^value must be finite, got inf\.$"),
    ("value a text", lambda: Uniform(6, 2, value="1"), TypeError, r"^value must be a number, got '1'\.$"),  # pyright: ignore[reportArgumentType]
]
