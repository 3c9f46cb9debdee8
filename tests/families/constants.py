"""Constant matrices."""

import numpy as np

from families.common import Array, Case


def _eye(x: Array, columns: int) -> Array:
    return np.array([[float(i == j) for j in range(columns)] for i in range(len(x))])


ORACLES: dict[str, list[Case]] = {
    "identity": [
        ({}, lambda x, w: _eye(x, len(x))),
        ({"p": 3}, lambda x, w: _eye(x, 3)),
        ({"p": 8}, lambda x, w: _eye(x, 8)),
    ],
}
