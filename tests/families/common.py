"""What a family's table is made of."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Oracle = Callable[[Array, Array], Array]
"""From items (n, d) and flat parameters to A, without the library."""
Options = dict[str, Any] | Callable[[int], dict[str, Any]]
"""Options of a ξ, or a function of the number of items that gives them."""
Case = tuple[Options, Oracle]
"""Options, and what A is with them."""
Wrong = tuple[str, Callable[[], object], type[Exception], str]
"""A name, what fails, with which exception, and the pattern of its sentence."""


def lowrank(w: Array, rows: int, columns: int, rank: int) -> Array:
    left, right = w[: rows * rank], w[rows * rank :]
    return np.array(
        [
            [sum(left[i * rank + r] * right[r * columns + j] for r in range(rank)) for j in range(columns)]
            for i in range(rows)
        ]
    )


def by_row(a: Array) -> Array:
    return np.array([row / (row.sum() or 1.0) for row in a])


def symmetric(a: Array) -> Array:
    roots = [[math.sqrt(abs(total)) for total in a.sum(axis)] for axis in (1, 0)]
    return np.array(
        [[a[i, j] / (r * c) if r * c else 0.0 for j, c in enumerate(roots[1])] for i, r in enumerate(roots[0])]
    )
