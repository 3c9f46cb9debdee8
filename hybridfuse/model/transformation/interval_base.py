"""Transformations that describe where in an interval an attribute lies."""

from abc import abstractmethod

from hybridfuse import check
from hybridfuse.model.transformation.per_attribute_base import PerAttributeBase

LEAST, MOST = 1e-15, 1e15
"""Lengths, in the unit of the data, whose squares and slopes are finite in float32."""


class IntervalBase(PerAttributeBase):
    """Expands each attribute on an interval [lo, hi].

    Args:
        lo: the lower end, in the unit of the data, in which standardised ones have variance 1. In [-1e15, 1e15].
        hi: the upper end, above lo by 1e-15 at least. In [-1e15, 1e15].

    Raises:
        ValueError: if lo or hi is outside its range.
    """

    @abstractmethod
    def __init__(self, m: int, lo: float = -3.0, hi: float = 3.0) -> None:
        super().__init__(m)
        self.lo = _within("lo", lo)
        self.hi = _within("hi", hi)
        if self.hi - self.lo < LEAST:
            raise ValueError(f"hi must be above lo = {lo} by {LEAST} at least, got {hi}.")


def length(name: str, value: object) -> float:
    """`value` as a float in [1e-15, 1e15].

    Raises:
        ValueError: if it is none.
    """
    result = check.positive(name, value)
    if not LEAST <= result <= MOST:
        raise ValueError(f"{name} must be in [{LEAST}, {MOST}], got {value}.")
    return result


def _within(name: str, value: object) -> float:
    result = check.number(name, value)
    if abs(result) > MOST:
        raise ValueError(f"{name} must be in [{-MOST}, {MOST}], got {value}.")
    return result
