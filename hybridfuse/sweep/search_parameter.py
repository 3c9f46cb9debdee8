"""Settings that a search chooses values of. Free of torch, and of Optuna."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = str | int | float
"""What a trial is told, and keeps."""


class Parameter(ABC):
    """One setting, and what it may be."""

    key: str

    @abstractmethod
    def __str__(self) -> str:
        """What it may be, the same for all ways to write it."""

    @property
    @abstractmethod
    def distribution(self) -> "BaseDistribution":
        """The same for Optuna."""

    @abstractmethod
    def drawn(self, random: Random) -> Value:
        """A value by chance."""

    @abstractmethod
    def examples(self) -> list[str]:
        """Words such that what can be composed with all of these, can be with any."""


@dataclass(frozen=True)
class Choices(Parameter):
    """One of several values without an order.

    Args:
        key: the setting or group, as words name it.
        values: as words have them, sorted.
    """

    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(self.values)}"

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def drawn(self, random: Random) -> Value:
        return random.choice(self.values)

    def examples(self) -> list[str]:
        return [f"{self.key}={value}" for value in self.values]


@dataclass(frozen=True)
class Whole(Parameter):
    """Whole numbers from `low` to `high`, both included.

    Args:
        key: the setting.
        low: the least.
        high: the largest; a number of steps above `low`.
        step: from one to the next; 1 on a logarithmic scale.
        log: whether ratios count rather than differences.
    """

    key: str
    low: int
    high: int
    step: int = 1
    log: bool = False

    def __str__(self) -> str:
        return f"{self.key}={_log(self.log)}{self.low}..{self.high} by {self.step}"

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, step=self.step, log=self.log)

    def drawn(self, random: Random) -> Value:
        if self.log:
            return round(math.exp(random.uniform(math.log(self.low), math.log(self.high))))
        return random.randrange(self.low, self.high + 1, self.step)

    def examples(self) -> list[str]:
        return [f"{self.key}={self.low}"]


@dataclass(frozen=True)
class Real(Parameter):
    """Numbers from `low` to `high`.

    Args:
        key: the setting.
        low: the least.
        high: the largest; a number of steps above `low`.
        step: from one to the next; None: all numbers between.
        log: whether ratios count rather than differences.
    """

    key: str
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        step = "" if self.step is None else f" by {self.step}"
        return f"{self.key}={_log(self.log)}{self.low}..{self.high}{step}"

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, step=self.step, log=self.log)

    def drawn(self, random: Random) -> Value:
        if self.step is not None:
            return self.low + self.step * random.randrange(round((self.high - self.low) / self.step) + 1)
        if self.log:
            return math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        return random.uniform(self.low, self.high)

    def examples(self) -> list[str]:
        return [f"{self.key}={self.low}"]


def word_of(parameter: Parameter, value: Value) -> str:
    """What sets a parameter to a value; numbers are as long as tables can show them."""
    if isinstance(parameter, Real):
        digits = 5 if parameter.step is None else 12
        value = min(max(float(f"{value:.{digits}g}"), parameter.low), parameter.high)
    return f"{parameter.key}={value}"


def _log(is_log: bool) -> str:
    return "log " if is_log else ""
