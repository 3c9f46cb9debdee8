"""Numbers as texts: as many decimals as a column needs. Free of torch."""

import math
from collections.abc import Iterable

from hybridfuse.report.estimate import Estimate

_DIGITS = 4
_LARGEST = 7
"""Numbers of more digits are written with an exponent, as those that begin after so many zeros."""


class Numbers:
    """Writes the numbers of a column alike.

    Args:
        values: the numbers of the column; their largest decides.
    """

    def __init__(self, values: Iterable[float]) -> None:
        largest = max((abs(value) for value in values if math.isfinite(value)), default=1.0) or 1.0
        before = max(0, math.floor(math.log10(largest)))
        small = max(0, -1 - math.floor(math.log10(largest)))
        has_exponent = before >= _LARGEST or small >= _LARGEST
        self._format = f".{_DIGITS}e" if has_exponent else f".{max(0, _DIGITS - before + small)}f"

    def number(self, value: float) -> str:
        """Nothing for NaN."""
        return "" if math.isnan(value) else f"{value:{self._format}}"

    def spread(self, of: Estimate) -> str:
        """`mean ± standard deviation`."""
        return " ± ".join(filter(None, (self.number(of.mean), self.number(of.deviation))))

    def interval(self, of: Estimate) -> str:
        """`[low, high]`."""
        return "" if math.isnan(of.low) else f"[{self.number(of.low)}, {self.number(of.high)}]"


def probability(p: float | None) -> str:
    """Two digits or more; nothing for None."""
    if p is None:
        return ""
    decimals = 2 if p >= 0.1 else 3 if p >= 0.01 else 4
    return "< 0.0001" if p < 1e-4 else f"{p:.{decimals}f}"


def duration(seconds: float) -> str:
    """`0.8 s`, `2 min 05 s` or `3 h 20 min`; nothing for NaN."""
    if math.isnan(seconds):
        return ""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
