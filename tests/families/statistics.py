"""Statistical dependence, by numpy, scipy and scikit-learn."""

import itertools
import math
from collections.abc import Callable

import numpy as np
from scipy.special import rel_entr, softmax
from scipy.stats import spearmanr
from sklearn.covariance import ledoit_wolf

from families.common import Array, Case, Wrong
from hybridfuse.interdependence.cross_correlation import CrossCorrelation
from hybridfuse.interdependence.hsic import Hsic

LEAST_FEATURES = dict.fromkeys(
    [
        "cross_correlation",
        "distance_correlation",
        "hsic",
        "mutual_information",
        "partial_correlation",
        "pearson_correlation",
        "rv_coefficient",
        "spearman_correlation",
    ],
    2,
)

KINKED = {"mutual_information"}
CAPPED = {"mutual_information"}
ORDERED = {"cross_correlation"}
TOGETHER = {"partial_correlation"}


def _kl_divergence(x: Array) -> Array:
    shares = softmax(x, axis=1)
    return np.array([[rel_entr(p, q).sum() for q in shares] for p in shares])


def _mutual_information(x: Array) -> Array:
    """From determinants of covariances; the diagonal by definition."""
    covariance = np.cov(x)
    n = len(x)
    information = np.full((n, n), -0.5 * np.log(np.finfo(float).eps))
    for i in range(n):
        for j in range(n):
            if i != j:
                pair = covariance[np.ix_([i, j], [i, j])]
                information[i, j] = 0.5 * np.log(pair[0, 0] * pair[1, 1] / np.linalg.det(pair))
    return information


def _cross_correlation(x: Array, lags: int) -> Array:
    n, d = x.shape
    c = x - x.mean(axis=1, keepdims=True)
    c /= np.sqrt((c**2).sum(axis=1, keepdims=True))
    return np.array(
        [
            [
                max(
                    sum(c[i, k] * c[j, k + lag] for k in range(d) if 0 <= k + lag < d)
                    for lag in range(-min(lags, d - 1), min(lags, d - 1) + 1)
                )
                for j in range(n)
            ]
            for i in range(n)
        ]
    )


def _distance_correlation(x: Array) -> Array:
    return np.sqrt(_alignment([_centred(abs(row[:, None] - row)) for row in x]))


def _hsic(x: Array, sigma: Callable[[Array], float]) -> Array:
    return _alignment([_centred(np.exp(-((row[:, None] - row) ** 2) / (2.0 * sigma(row) ** 2))) for row in x])


def _median(row: Array) -> float:
    return float(np.median([abs(a - b) for a, b in itertools.combinations(row, 2) if a != b]))


def _centred(matrix: Array) -> Array:
    rows, columns = matrix.mean(axis=1, keepdims=True), matrix.mean(axis=0, keepdims=True)
    return matrix - rows - columns + matrix.mean()


def _alignment(matrices: list[Array]) -> Array:
    return np.array([[(a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()) for b in matrices] for a in matrices])


def _partial_correlation(x: Array) -> Array:
    precision = np.linalg.inv(ledoit_wolf(x.T)[0])
    roots = np.sqrt(precision.diagonal())
    return 2.0 * np.eye(len(x)) - precision / np.outer(roots, roots)


ORACLES: dict[str, list[Case]] = {
    "cross_correlation": [
        ({}, lambda x, w: _cross_correlation(x, 3)),
        ({"lags": 0}, lambda x, w: np.corrcoef(x)),
        ({"lags": 1}, lambda x, w: _cross_correlation(x, 1)),
        ({"lags": 99}, lambda x, w: _cross_correlation(x, 99)),
    ],
    "distance_correlation": [({}, lambda x, w: _distance_correlation(x))],
    "hsic": [
        ({}, lambda x, w: _hsic(x, lambda row: 1.0)),
        ({"sigma": 0.3}, lambda x, w: _hsic(x, lambda row: 0.3)),
        ({"sigma": "median"}, lambda x, w: _hsic(x, _median)),
        ({"sigma": 2.0, "learnable": True}, lambda x, w: _hsic(x, lambda row: math.exp(w[0]))),
        ({"sigma": "median", "learnable": True}, lambda x, w: _hsic(x, lambda row: math.exp(w[0]) * _median(row))),
    ],
    "kl_divergence": [({}, lambda x, w: _kl_divergence(x))],
    "mutual_information": [({}, lambda x, w: _mutual_information(x))],
    "partial_correlation": [({}, lambda x, w: _partial_correlation(x))],
    "pearson_correlation": [({}, lambda x, w: np.corrcoef(x))],
    "rv_coefficient": [({}, lambda x, w: np.corrcoef(x) ** 2)],
    "spearman_correlation": [({}, lambda x, w: spearmanr(x, axis=1).statistic)],
}

ERRORS: list[Wrong] = [
    ("lags -1", lambda: CrossCorrelation(6, 4, lags=-1), ValueError, r"^lags must be >= 0, got -1\.$"),
    ("lags 1.5", lambda: CrossCorrelation(6, 4, lags=1.5), TypeError, r"^lags must be a whole number, got 1\.5\.$"),
    ("sigma of hsic 0", lambda: Hsic(6, 4, sigma=0.0), ValueError, r"^sigma must be > 0, got 0\.0\.$"),
    (
        "sigma of hsic a word",
        lambda: Hsic(6, 4, sigma="medain"),
        ValueError,
        "^sigma must be > 0 or median, got 'medain'",
    ),
    ("learnable 1", lambda: Hsic(6, 4, learnable=1), TypeError, r"^learnable must be true or false, got 1\.$"),
]
