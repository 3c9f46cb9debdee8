"""Learned functions, and the reconciliations that they are made of, by plain loops."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import softmax

import hybridfuse.interdependence
import hybridfuse.reconciliation
from families.common import Array, Case, Wrong, lowrank
from hybridfuse.reconciliation.base import Reconciliation

Psi = Callable[[Array, int, int], Array]
"""From flat parameters and a shape to ψ, without the library."""


def _middle(size: int) -> int:
    return min((f for f in range(1, size + 1) if size % f == 0), key=lambda f: abs(f - math.sqrt(size)))


def _blocks(outer: Array, inner: Array) -> Array:
    """Entry [(i s + k), (j t + l)] is outer_ij inner_kl."""
    (p, q), (s, t) = outer.shape, inner.shape
    whole = np.empty((p * s, q * t))
    for i in range(p):
        for j in range(q):
            for k in range(s):
                for h in range(t):
                    whole[i * s + k, j * t + h] = outer[i, j] * inner[k, h]
    return whole


def _kronecker(ranks: tuple[int | None, int | None], p: int | None = None, q: int | None = None) -> Psi:
    """Of two matrices, each whole or of a rank."""

    def psi(w: Array, rows: int, columns: int) -> Array:
        common = p if p and columns % p == 0 else _middle(columns)
        outer = (p or _middle(rows), q or common)
        inner = (rows // outer[0], columns // outer[1])
        made, start = [], 0
        for (tall, wide), rank in zip((outer, inner), ranks, strict=True):
            size = tall * wide if rank is None else rank * (tall + wide)
            piece = np.array(w[start : start + size])
            made.append(piece.reshape(tall, wide) if rank is None else lowrank(piece, tall, wide, rank))
            start += size
        assert start == len(w)
        return _blocks(made[0], made[1])

    return psi


def _random(rank: int, seed: int) -> Psi:
    def psi(w: Array, rows: int, columns: int) -> Array:
        drawn = torch.Generator().manual_seed(seed)
        of_rows, of_columns = (torch.randn(size, rank, generator=drawn).double().numpy() for size in (rows, columns))
        row_scale, rank_scale = w[:rows], w[rows:]
        return np.array(
            [
                [
                    sum(row_scale[i] * of_rows[i, r] * rank_scale[r] * of_columns[j, r] for r in range(rank))
                    for j in range(columns)
                ]
                for i in range(rows)
            ]
        )

    return psi


def _full(w: Array, rows: int, columns: int) -> Array:
    return w.reshape(rows, columns)


def _patchwise(patches: int, shared: Psi) -> Psi:
    def psi(w: Array, rows: int, columns: int) -> Array:
        small = shared(w, rows // patches, columns // patches)
        whole = np.zeros((rows, columns))
        for output, j, patch in itertools.product(*map(range, small.shape), range(patches)):
            whole[output * patches + patch, patch * small.shape[1] + j] = small[output, j]
        return whole

    return psi


RECONCILIATION_ORACLES: dict[str, list[tuple[dict[str, Any], Psi]]] = {
    "dual_lphm": [
        ({}, _kronecker((2, 2))),
        ({"row_factor": 3, "column_factor": 2, "rank": 4}, _kronecker((4, 4), 3, 2)),
    ],
    "full": [({}, _full)],
    "hm": [
        ({}, _kronecker((None, None))),
        ({"row_factor": 3, "column_factor": 4}, _kronecker((None, None), 3, 4)),
        ({"row_factor": 6}, _kronecker((None, None), 6)),
        ({"row_factor": 1}, _kronecker((None, None), 1)),
        ({"column_factor": 1}, _kronecker((None, None), None, 1)),
    ],
    "lowrank": [
        ({}, lambda w, rows, columns: lowrank(w, rows, columns, 2)),
        ({"rank": 5}, lambda w, rows, columns: lowrank(w, rows, columns, 5)),
    ],
    "lphm": [
        ({}, _kronecker((None, 2))),
        ({"row_factor": 2, "column_factor": 8, "rank": 3}, _kronecker((None, 3), 2, 8)),
    ],
    "patchwise": [
        ({}, _full),
        ({"patches": 2}, _patchwise(2, _full)),
        (
            {"patches": 2, "reconciliation": {"_target_": "hybridfuse.reconciliation.lowrank.Lowrank", "rank": 1}},
            _patchwise(2, lambda w, rows, columns: lowrank(w, rows, columns, 1)),
        ),
    ],
    "random_matrix": [({"seed": 5}, _random(2, 5)), ({"rank": 4, "seed": 0}, _random(4, 0))],
}
"""For ψ of 6 rows and 8 columns."""


def _bilinear(psi: Psi) -> Callable[[Array, Array], Array]:
    def matrix(x: Array, w: Array) -> Array:
        n, d = x.shape
        weight = psi(w, d, d)
        return np.array(
            [
                [sum(x[i, k] * weight[k, h] * x[j, h] for k in range(d) for h in range(d)) for j in range(n)]
                for i in range(n)
            ]
        )

    return matrix


def _learned(psi: Psi, p: int | None = None) -> Callable[[Array, Array], Array]:
    return lambda x, w: psi(w, len(x), p or len(x))


def _rpn(psi: Psi, p: int | None = None, kappa: Callable[[Array], Array] = np.asarray) -> Callable[..., Array]:
    def matrix(x: Array, w: Array) -> Array:
        rows = np.array([kappa(row) for row in x])
        weight = psi(w, p or len(x), rows.shape[1])
        return np.array([[sum(a * b for a, b in zip(row, out, strict=True)) for out in weight] for row in rows])

    return matrix


def _attention(width: int, heads: int = 1) -> Callable[[Array, Array], Array]:
    def matrix(x: Array, w: Array) -> Array:
        d = x.shape[1]
        query, key = np.array(w).reshape(2, d, heads * width)
        one = [slice(head * width, (head + 1) * width) for head in range(heads)]
        scores = [(x @ query[:, part]) @ (x @ key[:, part]).T / math.sqrt(width) for part in one]
        return sum(softmax(score, axis=1) for score in scores) / heads

    return matrix


CONFIG = {name: {"_target_": f"hybridfuse.reconciliation.{name}.{name.capitalize()}"} for name in ("hm", "lowrank")}
IDENTITY = {"_target_": "hybridfuse.model.transformation.identity.Identity"}

ORACLES: dict[str, list[Case]] = {
    "attention": [
        ({}, _attention(16)),
        ({"width": 3}, _attention(3)),
        ({"width": 4, "heads": 3}, _attention(4, 3)),
    ],
    "bilinear": [({}, _bilinear(_full))],
    "bilinear_dual_lphm": [
        ({}, _bilinear(_kronecker((2, 2)))),
        ({"row_factor": 1, "rank": 3}, _bilinear(_kronecker((3, 3), 1))),
        ({"column_factor": 1}, _bilinear(_kronecker((2, 2), None, 1))),
    ],
    "bilinear_hm": [
        ({}, _bilinear(_kronecker((None, None)))),
        ({"row_factor": 1}, _bilinear(_kronecker((None, None), 1))),
        ({"column_factor": 1}, _bilinear(_kronecker((None, None), None, 1))),
    ],
    "bilinear_lowrank": [
        ({}, _bilinear(lambda w, rows, columns: lowrank(w, rows, columns, 2))),
        ({"rank": 3}, _bilinear(lambda w, rows, columns: lowrank(w, rows, columns, 3))),
    ],
    "bilinear_lphm": [
        ({}, _bilinear(_kronecker((None, 2)))),
        ({"row_factor": 1, "rank": 3}, _bilinear(_kronecker((None, 3), 1))),
        ({"column_factor": 1}, _bilinear(_kronecker((None, 2), None, 1))),
    ],
    "bilinear_random_matrix": [
        ({}, _bilinear(_random(2, 0))),
        ({"rank": 3, "seed": 7}, _bilinear(_random(3, 7))),
    ],
    "parameterized": [
        ({}, _learned(_full)),
        ({"p": 3}, _learned(_full, 3)),
        ({"p": 8}, _learned(_full, 8)),
    ],
    "parameterized_dual_lphm": [
        ({}, _learned(_kronecker((2, 2)))),
        ({"p": 12, "row_factor": 1, "column_factor": 4, "rank": 3}, _learned(_kronecker((3, 3), 1, 4), 12)),
    ],
    "parameterized_hm": [
        ({}, _learned(_kronecker((None, None)))),
        ({"p": 8, "column_factor": 2}, _learned(_kronecker((None, None), None, 2), 8)),
        ({"p": 6, "row_factor": 1}, _learned(_kronecker((None, None), 1), 6)),
    ],
    "parameterized_lowrank": [
        ({}, _learned(lambda w, rows, columns: lowrank(w, rows, columns, 2))),
        ({"p": 3, "rank": 4}, _learned(lambda w, rows, columns: lowrank(w, rows, columns, 4), 3)),
        ({"p": 8, "rank": 1}, _learned(lambda w, rows, columns: lowrank(w, rows, columns, 1), 8)),
    ],
    "parameterized_lphm": [
        ({}, _learned(_kronecker((None, 2)))),
        ({"p": 12, "row_factor": 1, "column_factor": 4, "rank": 3}, _learned(_kronecker((None, 3), 1, 4), 12)),
    ],
    "parameterized_random_matrix": [
        ({}, _learned(_random(2, 0))),
        ({"p": 3, "rank": 4, "seed": 7}, _learned(_random(4, 7), 3)),
    ],
    "parameterized_rpn": [
        ({}, _rpn(_full)),
        ({"p": 3, "transformation": IDENTITY}, _rpn(_full, 3)),
        (
            {"p": 8, "reconciliation": {**CONFIG["lowrank"], "rank": 3}},
            _rpn(lambda w, rows, columns: lowrank(w, rows, columns, 3), 8),
        ),
        ({"reconciliation": CONFIG["hm"]}, _rpn(_kronecker((None, None)))),
    ],
}

ROWS = {"parameterized_rpn"}


def _xi(name: str, *sizes: int, **given: Any) -> Callable[[], object]:
    return lambda: getattr(hybridfuse.interdependence, name)(*(sizes or (6, 4)), **given)


def _psi(name: str, *sizes: int, **given: Any) -> Callable[[], Reconciliation]:
    return lambda: getattr(hybridfuse.reconciliation, name)(*sizes, **given)


_HALF = {"reconciliation": {**CONFIG["hm"], "row_factor": 3}}

ERRORS: list[Wrong] = [
    ("heads 0", _xi("Attention", heads=0), ValueError, r"^heads must be >= 1, got 0\.$"),
    ("heads True", _xi("Attention", heads=True), TypeError, r"^heads must be a whole number, got True\.$"),
    (
        "row factor",
        _psi("Hm", 12, 8, row_factor=5),
        ValueError,
        r"^row_factor must divide 12, got 5; the nearest that does is 4\.$",
    ),
    (
        "column factor",
        _psi("Lphm", 12, 8, column_factor=99),
        ValueError,
        r"^column_factor must divide 8, got 99; the nearest that does is 8\.$",
    ),
    ("row factor 0", _psi("DualLphm", 12, 8, row_factor=0), ValueError, r"^row_factor must be >= 1, got 0\.$"),
    ("rank of a product", _psi("Lphm", 12, 8, rank=0), ValueError, r"^rank must be >= 1, got 0\.$"),
    ("rank of both", _psi("DualLphm", 12, 8, rank=-1), ValueError, r"^rank must be >= 1, got -1\.$"),
    ("rank of random", _psi("RandomMatrix", 12, 8, rank=0), ValueError, r"^rank must be >= 1, got 0\.$"),
    ("seed", _psi("RandomMatrix", 12, 8, seed=-1), ValueError, r"^seed must be >= 0, got -1\.$"),
    ("factor of items", _xi("ParameterizedHm", row_factor=3), ValueError, "^row_factor must divide 4, got 3; the n"),
    ("factor of columns", _xi("ParameterizedLphm", p=9, column_factor=2), ValueError, "^column_factor must divide 9"),
    ("factor of features", _xi("BilinearHm", column_factor=4), ValueError, "^column_factor must divide 6, got 4"),
    ("rank of a form", _xi("BilinearDualLphm", rank=0), ValueError, r"^rank must be >= 1, got 0\.$"),
    ("p of hm", _xi("ParameterizedHm", p=0), ValueError, r"^p must be >= 1, got 0\.$"),
    ("p of rpn", _xi("ParameterizedRpn", p=0), ValueError, r"^p must be >= 1, got 0\.$"),
    ("psi of rpn", _xi("ParameterizedRpn", **_HALF), ValueError, "^row_factor must divide 4, got 3"),
    (
        "kappa of another kind",
        _xi("ParameterizedRpn", transformation={"_target_": "torch.nn.Identity"}),
        TypeError,
        r"^transformation must be of Transformation objects, got Identity\.$",
    ),
    (
        "psi by its name",
        _xi("ParameterizedRpn", reconciliation="hm"),
        TypeError,
        r"^reconciliation must be a mapping with _target_ or function_class, got 'hm'\.$",
    ),
    (
        "psi of another kind",
        _xi("ParameterizedRpn", reconciliation={"_target_": "hybridfuse.model.remainder.zero.Zero"}),
        TypeError,
        "^reconciliation must be|unexpected keyword",
    ),
]
