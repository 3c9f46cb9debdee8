"""Distances, by scipy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import laplacian_kernel

from families.common import Array, Case, Oracle, Wrong
from hybridfuse.interdependence.laplacian import Laplacian
from hybridfuse.interdependence.minkowski_distance import MinkowskiDistance


def _fading(name: Any) -> Oracle:
    return lambda x, w: np.exp(-cdist(x, x, name))


def _minkowski(order: float) -> Oracle:
    return lambda x, w: np.exp(-((np.abs(x[:, None] - x[None]) ** order).sum(axis=2) ** (1.0 / order)))


def _median(x: Array) -> float:
    return float(np.median(pdist(x, "cityblock")))


ORACLES: dict[str, list[Case]] = {
    "canberra_distance": [({}, _fading("canberra"))],
    "chebyshev_distance": [({}, _fading("chebyshev"))],
    "euclidean_distance": [({}, _fading("euclidean"))],
    "laplacian": [
        ({}, lambda x, w: laplacian_kernel(x, gamma=1.0)),
        ({"sigma": 2.5}, lambda x, w: laplacian_kernel(x, gamma=1.0 / 2.5)),
        ({"sigma": "median"}, lambda x, w: laplacian_kernel(x, gamma=1.0 / _median(x))),
        ({"sigma": 2.5, "learnable": True}, lambda x, w: laplacian_kernel(x, gamma=math.exp(-w[0]))),
        (
            {"sigma": "median", "learnable": True},
            lambda x, w: laplacian_kernel(x, gamma=math.exp(-w[0]) / _median(x)),
        ),
    ],
    "manhattan_distance": [({}, _fading("cityblock"))],
    "minkowski_distance": [
        ({}, _minkowski(3.0)),
        ({"order": 0.5}, _minkowski(0.5)),
        ({"order": 1.0}, _fading("cityblock")),
        ({"order": 1.3}, _minkowski(1.3)),
        ({"order": 2.0}, _fading("euclidean")),
        ({"order": 2.5}, _minkowski(2.5)),
        ({"order": 20}, _minkowski(20.0)),
        ({"order": math.inf}, _fading("chebyshev")),
    ],
}

KINKED = set(ORACLES)


def _order(order: object) -> Callable[[], object]:
    return lambda: MinkowskiDistance(6, 4, order=order)  # pyright: ignore[reportArgumentType]


ERRORS: list[Wrong] = [
    ("laplacian's sigma 0", lambda: Laplacian(6, 4, sigma=0.0), ValueError, r"^sigma must be > 0, got 0\.0\.$"),
    (
        "laplacian's sigma misspelt",
        lambda: Laplacian(6, 4, sigma="meidan"),
        ValueError,
        r"^sigma must be > 0 or median, got 'meidan'; did you mean median\?$",
    ),
    ("order 0", _order(0), ValueError, r"^order must be > 0, got 0\.$"),
    ("order below 0", _order(-1.5), ValueError, r"^order must be > 0, got -1\.5\.$"),
    ("order of the smallest difference", _order(-math.inf), ValueError, r"^order must be finite, got -inf\.$"),
    ("order nan", _order(math.nan), ValueError, r"^order must be finite, got nan\.$"),
    ("order nuc", _order("nuc"), TypeError, r"^order must be a number, got 'nuc'\.$"),
]
