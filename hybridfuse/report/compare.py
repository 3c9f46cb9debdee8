"""Whether one configuration is better than another, seed by seed. Free of torch."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from hybridfuse.report.estimate import magnitude

ALPHA, ALPHA_NAME = 0.05, "5 %"
"""A configuration is significantly worse where its corrected p is below."""

_ROUNDING = 1e-6
"""Metrics are computed in float32: what differs by less, relative to the largest, is equal."""


class PairedTest(NamedTuple):
    """A two-sided test of paired differences: what it is called, its p, and the least p that n differences can have."""

    name: str
    p: Callable[[Float[np.ndarray, " n"], float], float]
    least: Callable[[int], float]


def paired_t(differences: Float[np.ndarray, " n"], step: float) -> float:
    """Two-sided p of the paired t test.

    Differences that are all the same leave nothing to divide by. Metrics such as accuracy come in steps, so that this
    happens to few seeds by chance: they are then taken to vary by step² / 6, as two values rounded to steps do. Where
    all are zero, p = 1.

    Args:
        differences: of two or more seeds.
        step: the smallest distance of two values of the metric.
    """
    from scipy.special import stdtr  # as slow to load as in `student_t`

    if not differences.any():
        return 1.0
    unit = magnitude(differences)
    n, scaled = len(differences), differences / unit
    deviation = float(scaled.std(ddof=1))
    if deviation <= _ROUNDING:
        deviation = step / unit / math.sqrt(6)
    if not deviation:
        return 1.0
    return 2 * float(stdtr(n - 1, -abs(float(scaled.mean())) / deviation * math.sqrt(n)))


def signed_rank(differences: Float[np.ndarray, " n"], step: float = 0.0) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, exact also where differences are equal; those of zero are left out.

    Under the null hypothesis each rank counts with either sign alike: the distribution of the sum of positive ranks is
    found rank by rank, in halves, which ranks of equal differences are.
    """
    found = differences[differences != 0]
    magnitudes = np.abs(found)
    if not len(found):
        return 1.0
    rounded = np.round(magnitudes / magnitudes.max() / _ROUNDING)
    _, places, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(counts) - counts + 1)[places]
    chances = np.ones(1)
    for rank in doubled:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    observed = int(doubled[found > 0].sum())
    return float(min(1.0, 2 * min(chances[: observed + 1].sum(), chances[observed:].sum())))


TESTS = {
    "t": PairedTest("paired t test", paired_t, lambda n: 0.0),
    "wilcoxon": PairedTest("exact Wilcoxon signed-rank test", signed_rank, lambda n: 2.0 ** (1 - n)),
}
"""Tests by their name in a command."""


def step(values: Iterable[float]) -> float:
    """The smallest distance of two different values; 0 where there are none."""
    finite = np.array([value for value in values if math.isfinite(value)], dtype=float)
    if not len(finite):
        return 0.0
    distances = np.diff(np.unique(finite))
    distances = distances[distances > _ROUNDING * float(np.abs(finite).max())]
    return float(distances.min()) if len(distances) else 0.0


def differences(first: Mapping[int, float], second: Mapping[int, float]) -> Float[np.ndarray, " n"]:
    """`first` less `second` where both have a finite value, by seed."""
    common = sorted(set(first) & set(second))
    found = np.array([first[seed] - second[seed] for seed in common], dtype=float)
    return found[np.isfinite(found)]


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the i-th smallest of m is multiplied by m - i + 1, none falls below a smaller one.

    References: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    found, corrected = 0.0, [0.0] * len(ps)
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        found = max(found, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = found
    return corrected
