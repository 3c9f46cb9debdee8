"""Fusions, by numpy, scipy and plain loops, from matrices and flat parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy import stats
from scipy.special import logsumexp, softmax
from torch import Tensor

import hybridfuse.fusion as fusions
from families.common import Array, Wrong
from families.learned import RECONCILIATION_ORACLES

FusionOracle = Callable[[Sequence[Array], Array], Array]
FusionOptions = dict[str, Any] | Callable[[int], dict[str, Any]]
"""Options, or a function of the number of matrices that gives them."""

SQUARE = {"similarity_network"}
"""Takes square matrices alone."""
CONSTRAINT = {
    "softmax": torch.nn.Softmax(dim=0),
    "softplus": torch.nn.Softplus(),
}


def spread(stack: Tensor) -> Tensor:
    """A reduction of the user's own: the root of the mean square, above 0."""
    return (stack.square().mean(dim=0) + 1.0).sqrt()


def second_moment(stack: Tensor) -> Tensor:
    return stack.square().mean(dim=0)


FUSION_OPTIONS: dict[str, dict[str, Any]] = {"metric": {"reduction": spread}}
"""What a fusion cannot do without."""


def _geometric(a: Sequence[Array], w: Array) -> Array:
    product = np.multiply.reduce(list(a))
    return np.sign(product) * np.abs(product) ** (1 / len(a))


def _softplus_weights(a: Sequence[Array], w: Array) -> Array:
    k = len(a)
    unit = 1 / k / np.log1p(np.exp(1 / k))
    return sum(unit * np.log1p(np.exp(w[i])) * a[i] for i in range(k))


def _squash(t: float) -> float:
    return t / (1 + abs(t))


def _gated(a: Sequence[Array], w: Array) -> Array:
    k = len(a)
    s = [_squash(value) for part in a for value in (part.mean(), np.abs(part).mean())]
    scores = [sum(w[i * 2 * k + j] * s[j] for j in range(2 * k)) + w[2 * k * k + i] for i in range(k)]
    return sum(weight * part for weight, part in zip(softmax(scores), a, strict=True))


def _by_row(a: Sequence[Array], w: Array) -> Array:
    k, fused = len(a), np.zeros_like(a[0])
    for i in range(len(a[0])):
        s = [(_squash(part[i].mean()), _squash(np.abs(part[i]).mean())) for part in a]
        shares = softmax([w[2 * r] * s[r][0] + w[2 * r + 1] * s[r][1] + w[2 * k + r] for r in range(k)])
        fused[i] = sum(share * part[i] for share, part in zip(shares, a, strict=True))
    return fused


def _by_entry(a: Sequence[Array], w: Array) -> Array:
    k, fused = len(a), np.zeros_like(a[0])
    for place in np.ndindex(fused.shape):
        s = [part[place] for part in a]
        scores = [w[2 * r] * _squash(s[r]) + w[2 * r + 1] * _squash(abs(s[r])) + w[2 * k + r] for r in range(k)]
        fused[place] = softmax(scores) @ np.array(s)
    return fused


def _network(neighbors: int, iterations: int) -> FusionOracle:
    """Wang et al. (2014), entry by entry."""

    def normal(a: Array) -> Array:
        n, p = len(a), np.zeros_like(a)
        for i in range(n):
            others = sum(a[i, j] for j in range(n) if j != i)
            for j in range(n):
                p[i, j] = 0.5 if i == j else a[i, j] / (2 * others) if others > 0 else 0.0
        return p

    def near(a: Array) -> Array:
        n, s = len(a), np.zeros_like(a)
        for i in range(n):
            ranked = sorted((j for j in range(n) if j != i), key=lambda j: -a[i, j])
            chosen = [i, *ranked[:neighbors]]
            total = sum(a[i, j] for j in chosen)
            for j in chosen:
                s[i, j] = a[i, j] / total if total > 0 else 0.0
        return s

    def fuse(matrices: Sequence[Array], w: Array) -> Array:
        a = [np.where(matrix > 0, matrix, 0.0) for matrix in matrices]
        k, local, status = len(a), [near(one) for one in a], [normal(one) for one in a]
        for _ in range(iterations):
            nexts = []
            for i in range(k):
                others = [status[j] for j in range(k) if j != i] or status
                spread = normal(local[i] @ (sum(others) / len(others)) @ local[i].T)
                nexts.append((spread + spread.T) / 2)
            status = nexts
        return sum(status) / k

    return fuse


def _mapped(name: str, row: int, columns: int | None = None) -> list[tuple[FusionOptions, FusionOracle]]:
    """Side by side, times the transpose of a matrix that an oracle of reconciliations gives."""
    given, psi = RECONCILIATION_ORACLES[name][row]
    sizes = {} if columns is None else {"p": columns}

    def fuse(a: Sequence[Array], w: Array) -> Array:
        whole = np.hstack(list(a))
        return whole @ psi(w, columns or a[0].shape[1], whole.shape[1]).T

    return [({**sizes, **given}, fuse)]


FUSION_ORACLES: dict[str, list[tuple[FusionOptions, FusionOracle]]] = {
    "attention": [({}, _by_row), ({"per_entry": True}, _by_entry)],
    "concatenation": [({}, lambda a, w: np.hstack(list(a)))],
    "concatenation_dual_lphm": [*_mapped("dual_lphm", 0), *_mapped("dual_lphm", 1, 6)],
    "concatenation_hm": [*_mapped("hm", 0), *_mapped("hm", 1, 3), *_mapped("hm", 2, 12), *_mapped("hm", 3, 1)],
    "concatenation_learned": [*_mapped("full", 0), *_mapped("full", 0, 3)],
    "concatenation_lowrank": [*_mapped("lowrank", 0), *_mapped("lowrank", 1, 7)],
    "concatenation_lphm": [*_mapped("lphm", 0), *_mapped("lphm", 1, 4)],
    "concatenation_random_matrix": [*_mapped("random_matrix", 0), *_mapped("random_matrix", 1, 3)],
    "gated": [({}, _gated)],
    "geometric_mean": [({}, _geometric)],
    "harmonic_mean": [({}, lambda a, w: len(a) / sum(1 / part for part in a))],
    "l1_norm": [({}, lambda a, w: sum(np.abs(part) for part in a))],
    "l2_norm": [({}, lambda a, w: np.linalg.norm(list(a), axis=0))],
    "logsumexp": [
        ({}, lambda a, w: logsumexp(list(a), axis=0)),
        ({"temperature": 0.1}, lambda a, w: 0.1 * logsumexp(np.stack(a) / 0.1, axis=0)),
    ],
    "max": [({}, lambda a, w: np.maximum.reduce(list(a)))],
    "mean": [({}, lambda a, w: np.mean(list(a), axis=0))],
    "median": [({}, lambda a, w: np.median(list(a), axis=0))],
    "metric": [
        ({"reduction": spread}, lambda a, w: np.sqrt(1 + np.mean([part**2 for part in a], axis=0))),
        ({"reduction": second_moment}, lambda a, w: np.mean([part**2 for part in a], axis=0)),
    ],
    "min": [({}, lambda a, w: np.minimum.reduce(list(a)))],
    "prod": [({}, lambda a, w: np.multiply.reduce(list(a)))],
    "similarity_network": [
        ({}, _network(20, 20)),
        ({"neighbors": 1, "iterations": 2}, _network(1, 2)),
        ({"neighbors": 2, "iterations": 3}, _network(2, 3)),
        ({"iterations": 0}, _network(20, 0)),
    ],
    "sum": [({}, lambda a, w: np.add.reduce(list(a)))],
    "trimmed_mean": [
        ({}, lambda a, w: stats.trim_mean(list(a), 0.25, axis=0)),
        ({"share": 0.4}, lambda a, w: stats.trim_mean(list(a), 0.4, axis=0)),
        ({"share": 0}, lambda a, w: np.mean(list(a), axis=0)),
    ],
    "weighted_sum": [
        ({}, lambda a, w: np.mean(list(a), axis=0)),
        (
            lambda k: {"weights": [0.5 - i for i in range(k)]},
            lambda a, w: sum((0.5 - i) * part for i, part in enumerate(a)),
        ),
        (
            lambda k: {"weights": torch.arange(k) / 4},
            lambda a, w: sum(i / 4 * part for i, part in enumerate(a)),
        ),
    ],
    "weighted_sum_learned": [
        ({}, lambda a, w: np.einsum("k,kij->ij", w, np.stack(a))),
        ({"constraint": CONSTRAINT["softmax"]}, lambda a, w: np.einsum("k,kij->ij", softmax(w), np.stack(a))),
        ({"constraint": CONSTRAINT["softplus"]}, _softplus_weights),
    ],
}

EQUALS: dict[str, Callable[[Array], Array]] = {
    "concatenation": lambda a: np.hstack([a, a, a]),
    "l1_norm": lambda a: 3 * np.abs(a),
    "l2_norm": lambda a: np.sqrt(3) * np.abs(a),
    "logsumexp": lambda a: a + np.log(3),
    "metric": lambda a: np.sqrt(1 + a**2),
    "prod": lambda a: a**3,
    "sum": lambda a: 3 * a,
}
"""What fusions make of three equal matrices, where that is not the matrix itself."""
MAPPING = {stem for stem in FUSION_ORACLES if stem.startswith("concatenation_")} | SQUARE
"""Make something else of it."""


def _fuse(stem: str, *shapes: tuple[int, int], dims: list[int] | None = None, **given: Any) -> Callable[[], object]:
    cls = getattr(fusions, "".join(word.title() for word in stem.split("_")))
    return lambda: cls(dims, **given)([torch.ones(shape) for shape in shapes])


ERRORS: list[Wrong] = [
    ("temperature 0", _fuse("logsumexp", temperature=0), ValueError, r"^temperature must be > 0, got 0\.$"),
    (
        "temperature a word",
        _fuse("logsumexp", temperature="x"),
        TypeError,
        r"^temperature must be a number, got 'x'\.$",
    ),
    ("share 0.5", _fuse("trimmed_mean", share=0.5), ValueError, r"^share must be in \[0, 0\.5\), got 0\.5\.$"),
    ("share -0.1", _fuse("trimmed_mean", share=-0.1), ValueError, r"^share must be in \[0, 0\.5\), got -0\.1\.$"),
    ("weights of another k", _fuse("weighted_sum", (2, 3), weights=[1, 2]), ValueError, "has weights for 2 .*, got 1"),
    (
        "weights of another number than dims",
        _fuse("weighted_sum", dims=[3, 3, 3], weights=[1, 2]),
        ValueError,
        r"^weighted_sum has weights for 2 matrices, got 3\.$",
    ),
    (
        "a weight that is no number",
        _fuse("weighted_sum", weights=["x"]),
        TypeError,
        "^weights must be a number, got 'x'",
    ),
    ("weights of one number", _fuse("weighted_sum", weights=3), TypeError, "^weights must be a list of numbers, got 3"),
    ("an infinite weight", _fuse("weighted_sum", weights=[float("inf")]), ValueError, "^weights must be finite"),
    (
        "no reduction",
        _fuse("metric"),
        TypeError,
        r"^reduction must be a function of a stack \(k, n, p\), got None; with",
    ),
    (
        "a reduction to another shape",
        _fuse("metric", (2, 3), (2, 3), reduction=torch.sum),
        ValueError,
        r"^reduction must give \(2, 3\), got \(\)\.$",
    ),
    (
        "a constraint that is no module",
        _fuse("weighted_sum_learned", dims=[3], constraint="softmax"),
        TypeError,
        "^constraint must be of Module objects, got str",
    ),
    (
        "a constraint that gives nothing",
        _fuse("weighted_sum_learned", dims=[3, 3], constraint=torch.nn.Threshold(9.0, 0.0)),
        ValueError,
        "^constraint must give 2 weights other than 0, got",
    ),
    ("gates without dims", _fuse("gated"), ValueError, "^gated needs dims"),
    ("per_entry a word", _fuse("attention", dims=[3], per_entry="yes"), TypeError, "^per_entry must be true or false"),
    (
        "no p for different widths",
        _fuse("concatenation_learned", dims=[3, 4]),
        ValueError,
        r"^concatenation_learned needs p for matrices with 3, 4 columns\.$",
    ),
    ("p 0", _fuse("concatenation_hm", dims=[3], p=0), ValueError, r"^p must be >= 1, got 0\.$"),
    (
        "other widths than dims",
        _fuse("concatenation_lowrank", (2, 3), (2, 4), dims=[4, 3], p=2),
        ValueError,
        r"^concatenation_lowrank has parameters for matrices with 4, 3 columns, got 3, 4\.$",
    ),
    (
        "a factor that does not divide",
        _fuse("concatenation_hm", dims=[4], row_factor=3),
        ValueError,
        "^row_factor must",
    ),
    ("no rank", _fuse("concatenation_lphm", dims=[4], rank=0), ValueError, r"^rank must be >= 1, got 0\.$"),
    ("no square", _fuse("similarity_network", (2, 3)), ValueError, r"needs square matrices, got \(2, 3\)\.$"),
    ("no neighbours", _fuse("similarity_network", neighbors=0), ValueError, r"^neighbors must be >= 1, got 0\.$"),
    ("steps below 0", _fuse("similarity_network", iterations=-1), ValueError, r"^iterations must be >= 0, got -1\.$"),
]
