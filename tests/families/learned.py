"""Learned functions, by plain loops."""

import math

import numpy as np
from scipy.special import softmax

from families.common import Array, Case, lowrank


def _bilinear(x: Array, w: Array) -> Array:
    n, d = x.shape
    weight = w.reshape(d, d)
    return np.array(
        [
            [sum(x[i, k] * weight[k, h] * x[j, h] for k in range(d) for h in range(d)) for j in range(n)]
            for i in range(n)
        ]
    )


def _attention(x: Array, w: Array, width: int) -> Array:
    d = x.shape[1]
    query, key = w[: d * width].reshape(d, width), w[d * width :].reshape(d, width)
    return softmax((x @ query) @ (x @ key).T / math.sqrt(width), axis=1)


ORACLES: dict[str, list[Case]] = {
    "attention": [
        ({}, lambda x, w: _attention(x, w, 16)),
        ({"width": 3}, lambda x, w: _attention(x, w, 3)),
    ],
    "bilinear": [({}, _bilinear)],
    "bilinear_lowrank": [
        ({}, lambda x, w: _bilinear(x, lowrank(w, x.shape[1], x.shape[1], 2))),
        ({"rank": 3}, lambda x, w: _bilinear(x, lowrank(w, x.shape[1], x.shape[1], 3))),
    ],
    "parameterized": [
        ({}, lambda x, w: w.reshape(len(x), len(x))),
        ({"p": 3}, lambda x, w: w.reshape(len(x), 3)),
        ({"p": 8}, lambda x, w: w.reshape(len(x), 8)),
    ],
    "parameterized_lowrank": [
        ({}, lambda x, w: lowrank(w, len(x), len(x), 2)),
        ({"p": 3, "rank": 4}, lambda x, w: lowrank(w, len(x), 3, 4)),
        ({"p": 8, "rank": 1}, lambda x, w: lowrank(w, len(x), 8, 1)),
    ],
}
