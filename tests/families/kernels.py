"""Numeric kernels, by scikit-learn and scipy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist, pdist
from sklearn.gaussian_process.kernels import Matern
from sklearn.metrics.pairwise import cosine_similarity, linear_kernel, polynomial_kernel, rbf_kernel, sigmoid_kernel
from torch import Tensor

import hybridfuse.interdependence
from families.common import Array, Case, Oracle, Wrong
from families.topology import chain_matrix

RBF = "hybridfuse.interdependence.gaussian_rbf.GaussianRbf"


def _polynomial(degree: float, shift: float) -> Oracle:
    """A whole degree of at least 1 by scikit-learn, others entry by entry."""
    if degree >= 1:
        return lambda x, w: polynomial_kernel(x, degree=degree, gamma=1.0, coef0=shift)
    return lambda x, w: np.array([[math.pow(float(a @ b) + shift, degree) for b in x] for a in x])


def _matern(smoothness: float, sigma: float) -> Oracle:
    return lambda x, w: Matern(length_scale=sigma, nu=smoothness)(x)


def _anisotropic(weights: Callable[[Array, int], Any]) -> Oracle:
    return lambda x, w: np.exp(-cdist(x, x, "sqeuclidean", w=weights(w, x.shape[1])))


def _looped(function: Callable[[Array, Array], float]) -> Oracle:
    return lambda x, w: np.array([[function(a, b) for b in x] for a in x])


def _median(x: Array) -> float:
    return float(np.median(pdist(x)))


def closeness(first: Tensor, second: Tensor) -> Tensor:
    """A pairwise function of a user."""
    return torch.exp(-(first - second).square().mean())


def lean(first: Tensor, second: Tensor) -> Tensor:
    """One that sees the order of its items."""
    return torch.tanh((first * second**2).sum())


ORACLES: dict[str, list[Case]] = {
    "cosine_similarity": [({}, lambda x, w: cosine_similarity(x))],
    "exponential": [
        ({}, lambda x, w: rbf_kernel(x, gamma=1.0)),
        ({"gamma": 0.2}, lambda x, w: rbf_kernel(x, gamma=0.2)),
        ({"gamma": 0.3, "learnable": True}, lambda x, w: rbf_kernel(x, gamma=float(np.exp(w[0])))),
    ],
    "gaussian_rbf": [
        ({}, lambda x, w: rbf_kernel(x, gamma=0.5)),
        ({"sigma": 2.5}, lambda x, w: rbf_kernel(x, gamma=1.0 / (2.0 * 2.5**2))),
        ({"sigma": "median"}, lambda x, w: rbf_kernel(x, gamma=0.5 / _median(x) ** 2)),
        ({"sigma": 2.5, "learnable": True}, lambda x, w: rbf_kernel(x, gamma=0.5 / math.exp(w[0]) ** 2)),
        (
            {"sigma": "median", "learnable": True},
            lambda x, w: rbf_kernel(x, gamma=0.5 / (math.exp(w[0]) * _median(x)) ** 2),
        ),
    ],
    "hyperbolic_tangent": [
        ({}, lambda x, w: sigmoid_kernel(x, gamma=1.0, coef0=0.0)),
        ({"scale": 0.2}, lambda x, w: sigmoid_kernel(x, gamma=0.2, coef0=0.0)),
        ({"scale": -0.1, "shift": 0.7}, lambda x, w: sigmoid_kernel(x, -x, gamma=0.1, coef0=0.7)),
    ],
    "linear": [({}, lambda x, w: linear_kernel(x))],
    "matern": [
        ({}, _matern(1.5, 1.0)),
        ({"smoothness": 0.5}, _matern(0.5, 1.0)),
        ({"smoothness": 0.5, "sigma": 1.7}, _matern(0.5, 1.7)),
        ({"smoothness": 1.5, "sigma": 1.7}, _matern(1.5, 1.7)),
        ({"smoothness": 2.5, "sigma": 1.7}, _matern(2.5, 1.7)),
        ({"smoothness": 2.5, "sigma": "median"}, lambda x, w: Matern(length_scale=_median(x), nu=2.5)(x)),
        (
            {"smoothness": 1.5, "sigma": 0.4, "learnable": True},
            lambda x, w: Matern(length_scale=math.exp(w[0]), nu=1.5)(x),
        ),
    ],
    "polynomial": [
        ({}, _polynomial(1.0, 0.0)),
        ({"shift": -0.5}, _polynomial(1.0, -0.5)),
        ({"degree": 2.0, "shift": 1.5}, _polynomial(2.0, 1.5)),
        ({"degree": 3.0, "shift": -1.0}, _polynomial(3.0, -1.0)),
        ({"degree": 2.5, "shift": 50.0}, _polynomial(2.5, 50.0)),
        ({"degree": 0.5, "shift": 50.0}, _polynomial(0.5, 50.0)),
        ({"degree": -2.0, "shift": 0.5}, _polynomial(-2.0, 0.5)),
        ({"degree": 0.0}, _polynomial(0.0, 0.0)),
    ],
    "anisotropic_rbf": [
        ({}, _anisotropic(lambda w, d: [1.0] * d)),
        ({"weights": 0.3}, _anisotropic(lambda w, d: [0.3] * d)),
        ({"weights": 0.0}, _anisotropic(lambda w, d: [0.0] * d)),
        ({"weights": 0.3, "learnable": True}, _anisotropic(lambda w, d: np.exp(w))),
    ],
    "kernel": [
        ({"function": closeness}, _looped(lambda a, b: math.exp(-np.mean((a - b) ** 2)))),
        ({"function": closeness, "symmetric": True}, _looped(lambda a, b: math.exp(-np.mean((a - b) ** 2)))),
        ({"function": lean}, _looped(lambda a, b: math.tanh(sum(a * b**2)))),
    ],
    "kernel_mixture": [
        ({"kernels": ["linear"]}, lambda x, w: linear_kernel(x)),
        (
            {"kernels": ["linear", "gaussian_rbf", "chain"]},
            lambda x, w: (linear_kernel(x) + rbf_kernel(x, gamma=0.5) + chain_matrix(len(x))) / 3.0,
        ),
        (
            {"kernels": ["linear", {"_target_": RBF, "sigma": 2.0}], "weights": (0.3, -1.5)},
            lambda x, w: 0.3 * linear_kernel(x) - 1.5 * rbf_kernel(x, gamma=0.125),
        ),
    ],
    "view": [
        ({}, lambda x, w: cosine_similarity(x)),
        ({"features": [3]}, lambda x, w: cosine_similarity(x[:, [3]])),
        ({"features": [4, [0, 2]], "function": "linear"}, lambda x, w: linear_kernel(x[:, [4, 0, 1]])),
        (
            {"features": [[1, 4]], "function": {"_target_": RBF, "sigma": 2.0}},
            lambda x, w: rbf_kernel(x[:, 1:4], gamma=0.125),
        ),
        (
            {"features": [0, 2], "function": "bilinear"},
            lambda x, w: x[:, [0, 2]] @ w.reshape(2, 2) @ x[:, [0, 2]].T,
        ),
    ],
}


OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "kernel": lambda n: {"function": closeness},
    "kernel_mixture": lambda n: {"kernels": ["gaussian_rbf", "cosine_similarity"]},
}


def _xi(cls: str, kind: str = "attribute", **given: Any) -> Callable[[], object]:
    return lambda: getattr(hybridfuse.interdependence, cls)(6, 4, kind, **given)


def _of(x: Tensor, cls: str, **given: Any) -> Callable[[], object]:
    return lambda: getattr(hybridfuse.interdependence, cls)(*x.shape, "instance", **given).calculate_A(x)


def _mixture(*kernels: Any, **given: Any) -> Callable[[], object]:
    return _xi("KernelMixture", kernels=list(kernels), **given)


def _part(cls: str, b: int, m: int, kind: str) -> Any:
    return getattr(hybridfuse.interdependence, cls)(b, m, kind)


APART = torch.tensor([[1.0, 0.0], [-1.0, 2.0], [0.5, 0.5]])

ERRORS: list[Wrong] = [
    ("degree text", _xi("Polynomial", degree="2"), TypeError, r"^degree must be a number, got '2'\.$"),
    ("degree nan", _xi("Polynomial", degree=math.nan), ValueError, r"^degree must be finite, got nan\.$"),
    ("polynomial shift", _xi("Polynomial", shift=math.inf), ValueError, r"^shift must be finite, got inf\.$"),
    (
        "root of a negative product",
        _of(APART, "Polynomial", degree=0.5),
        ValueError,
        r"^degree must be a whole number where an inner product plus shift is < 0, got 0\.5\.$",
    ),
    (
        "reciprocal of a zero product",
        _of(APART, "Polynomial", degree=-1.0, shift=1.0),
        ValueError,
        r"^degree must be >= 0 where an inner product plus shift is 0, got -1\.0\.$",
    ),
    ("tanh scale", _xi("HyperbolicTangent", scale=math.inf), ValueError, r"^scale must be finite, got inf\.$"),
    ("tanh shift", _xi("HyperbolicTangent", shift=None), TypeError, r"^shift must be a number, got None\.$"),
    ("gamma 0", _xi("Exponential", gamma=0), ValueError, r"^gamma must be > 0, got 0\.$"),
    ("gamma learnable", _xi("Exponential", learnable=1), TypeError, r"^learnable must be true or false, got 1\.$"),
    ("rbf learnable", _xi("GaussianRbf", learnable="yes"), TypeError, "^learnable must be true or false, got 'yes'"),
    (
        "near median",
        _xi("GaussianRbf", sigma="medain"),
        ValueError,
        "^sigma must be > 0 or median.*did you mean median?",
    ),
    ("matern sigma", _xi("Matern", sigma=-2.0), ValueError, r"^sigma must be > 0, got -2\.0\.$"),
    (
        "smoothness",
        _xi("Matern", smoothness=2.0),
        ValueError,
        r"^smoothness must be one of 0\.5, 1\.5, 2\.5, got 2\.0\.$",
    ),
    ("smoothness text", _xi("Matern", smoothness="1.5"), TypeError, r"^smoothness must be a number, got '1\.5'\.$"),
    (
        "too few weights",
        _xi("AnisotropicRbf", weights=[1.0, 2.0, 3.0]),
        ValueError,
        r"^weights must be one for each of 6 features of an item, got 3\.$",
    ),
    ("one weight in a list", _xi("AnisotropicRbf", weights=[1.0]), ValueError, "each of 6 features of an item, got 1"),
    ("no weights", _xi("AnisotropicRbf", weights=[]), ValueError, "each of 6 features of an item, got 0"),
    (
        "weight below 0",
        _xi("AnisotropicRbf", "instance", weights=(1, 2, -0.5, 0)),
        ValueError,
        "^weights must be >= 0, got",
    ),
    ("weight text", _xi("AnisotropicRbf", weights="1"), TypeError, "^weights must be a list of numbers, got '1'"),
    ("weight True", _xi("AnisotropicRbf", weights=True), TypeError, "^weights must be a number, got True"),
    (
        "learned weight 0",
        _xi("AnisotropicRbf", "instance", weights=[1, 0, 1, 1], learnable=True),
        ValueError,
        r"^weights must be > 0 where they are learned, got 0\.$",
    ),
    ("no function", _xi("Kernel"), TypeError, r"^function must be a function of two items, got None\.$"),
    (
        "a number for a function",
        _xi("Kernel", function=3),
        TypeError,
        "^function must be a function of two items, got 3",
    ),
    ("symmetric", _xi("Kernel", function=closeness, symmetric=0), TypeError, "^symmetric must be true or false, got 0"),
    (
        "a function of two numbers",
        _of(APART, "Kernel", function=lambda a, b: a * b),
        ValueError,
        r"^function must give one number for two items, got \(2,\)\.$",
    ),
    ("no kernels", _xi("KernelMixture"), ValueError, "^kernels must be a list of at least one function, got None"),
    ("empty kernels", _mixture(), ValueError, r"^kernels must be a list of at least one function, got \[\]"),
    (
        "a text for kernels",
        _xi("KernelMixture", kernels="linear"),
        ValueError,
        "^kernels must be a list .*, got 'linear'",
    ),
    ("a number for a kernel", _mixture(3), TypeError, "^kernels must be an interdependence function, its name or"),
    (
        "an unknown kernel",
        _mixture("gausian_rbf"),
        ValueError,
        r"^kernels must name interdependence functions, got gausian_rbf; did you mean gaussian_rbf\?",
    ),
    ("a base for a kernel", _mixture("streamed_base"), ValueError, "^kernels must name .*, got streamed_base"),
    ("a fusion for a kernel", _mixture({"_target_": "hybridfuse.fusion.mean.Mean"}), TypeError, "b"),
    (
        "a kernel that may not run",
        _mixture({"_target_": "os.system"}),
        ValueError,
        "^_target_ must lie in hybridfuse's",
    ),
    ("a kernel's own option", _mixture({"_target_": RBF, "sigma": 0}), ValueError, r"^sigma must be > 0, got 0\.$"),
    (
        "weights of kernels",
        _mixture("linear", weights=[1, 2]),
        ValueError,
        "^weights must be one for each of 1 kernels",
    ),
    ("weight of a kernel", _mixture("linear", weights=["a"]), TypeError, "^weights must be a number, got 'a'"),
    (
        "unequal columns of kernels",
        _mixture("linear", {"_target_": "hybridfuse.interdependence.identity.Identity", "p": 3}),
        ValueError,
        r"^kernels must have equally many columns, got 4, 3\.$",
    ),
    (
        "a kernel of another type",
        lambda: _mixture(_part("Linear", 6, 4, "instance"))(),
        ValueError,
        "^linear must be of type attribute with b = 6, m = 4 like what holds it, got instance with b = 6, m = 4",
    ),
    ("a kernel of another m", lambda: _mixture(_part("Linear", 6, 5, "attribute"))(), ValueError, "b = 6, m = 5"),
    (
        "a kernel of another b",
        lambda: _xi("KernelMixture", "instance", kernels=[_part("Linear", 7, 4, "instance")])(),
        ValueError,
        "with b = 6, m = 4 like what holds it, got instance with b = 7, m = 4",
    ),
    ("no features", _xi("View", features=[]), TypeError, r"^features must be a list .* \[start, stop\), got \[\]"),
    ("features text", _xi("View", features="0:3"), TypeError, "^features must be a list .*, got '0:3'"),
    (
        "a feature too far",
        _xi("View", features=[6]),
        ValueError,
        "^features must be below 6, the features of an item, got 6",
    ),
    ("a stop too far", _xi("View", "instance", features=[[0, 5]]), ValueError, "^features must be below 4, .* got 4"),
    ("a feature below 0", _xi("View", features=[-1]), ValueError, r"^features must be >= 0, got -1\.$"),
    ("a feature 1.5", _xi("View", features=[1.5]), TypeError, r"^features must be a whole number, got 1\.5\.$"),
    ("an empty pair", _xi("View", features=[[2, 2]]), ValueError, r"with start < stop, got \[2, 2\]\.$"),
    (
        "a triple",
        _xi("View", features=[[0, 1, 2]]),
        ValueError,
        r"^features must be indices or pairs .*, got \[0, 1, 2\]",
    ),
    (
        "a view of nothing",
        _xi("View", function=None),
        TypeError,
        "^function must be an interdependence function, its name",
    ),
    (
        "a view by a function of all features",
        lambda: _xi("View", "instance", features=[0, 1], function=_part("Linear", 6, 4, "instance"))(),
        ValueError,
        "^linear must be of type instance with b = 6, m = 2 like what holds it, got instance with b = 6, m = 4",
    ),
    (
        "a batch shorter than the view",
        lambda: _part("View", 6, 4, "attribute").__class__(6, 4, features=[5])(torch.ones(5, 4)),
        ValueError,
        "^view needs at least 6 features of an item, got 5; on the attribute axis these are the rows of a batch",
    ),
]
