"""Means over seeds and how sure they are. Free of torch."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LEVEL, LEVEL_NAME = 0.95, "95 %"
"""Confidence of the intervals."""

_RESAMPLES = 9999


class Estimate(NamedTuple):
    """Mean of n seeds, standard deviation (n - 1 in its denominator) and confidence interval of the mean.

    NaN is what a number of seeds does not tell: everything of none, deviation and interval of one.
    """

    mean: float
    deviation: float
    low: float
    high: float
    n: int


Bounds = Callable[[Float[np.ndarray, " n"]], tuple[float, float]]


class Interval(NamedTuple):
    """A kind of confidence interval: its name, and its bounds for two or more values that are not all equal."""

    name: str
    bounds: Bounds


def student_t(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean ± t s / √n, with the 97.5 % point t of n - 1 degrees of freedom: exact for normal values."""
    from scipy.special import stdtrit  # takes longer to load than all else that a command needs

    n = len(values)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


def bootstrap(values: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """BCa interval of the mean of resampled values, the same on every call.

    References: Efron (1987), Better bootstrap confidence intervals.
    """
    from scipy import stats  # takes a second

    # Sorted, since the order of seeds must not change the resamples; random_state is what all versions understand.
    found = stats.bootstrap(
        (np.sort(values),),
        np.mean,
        confidence_level=LEVEL,
        n_resamples=_RESAMPLES,
        method="BCa",
        random_state=np.random.default_rng(0),  # pyright: ignore[reportCallIssue]
    ).confidence_interval
    return float(found.low), float(found.high)


INTERVALS = {
    "t": Interval("Student's t", student_t),
    "bootstrap": Interval(f"BCa bootstrap, {_RESAMPLES:,} resamples", bootstrap),
}
"""Kinds of intervals by their name in a command."""


def estimate(values: Sequence[float], bounds: Bounds = student_t) -> Estimate:
    """Of the finite ones among the values."""
    finite = np.array([value for value in values if math.isfinite(value)], dtype=float)
    n = len(finite)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan, 0)
    if n == 1:
        return Estimate(float(finite[0]), math.nan, math.nan, math.nan, 1)
    if finite.min() == finite.max():
        return Estimate(float(finite[0]), 0.0, float(finite[0]), float(finite[0]), n)
    unit = magnitude(finite)  # squares of huge or tiny numbers are none
    scaled = finite / unit
    low, high = bounds(scaled)
    return Estimate(float(np.mean(scaled)) * unit, float(np.std(scaled, ddof=1)) * unit, low * unit, high * unit, n)


def cut(of: Estimate) -> Estimate:
    """With an interval of shares alone; it holds the true mean no less often, since that is one."""
    if not 0 <= of.mean <= 1 or of.n < 2:
        return of
    return of._replace(low=max(of.low, 0.0), high=min(of.high, 1.0))


def magnitude(values: Float[np.ndarray, " n"]) -> float:
    """The power of two below the largest of some numbers of which one is not zero."""
    return math.ldexp(1.0, math.frexp(float(np.abs(values).max()))[1] - 1)
