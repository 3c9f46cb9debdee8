"""What all time series have in common: their parts in time, their scale, their windows."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hybridfuse import check
from hybridfuse.data import series
from hybridfuse.data.base import Data, Splits
from hybridfuse.data.cells import check_name, listed
from hybridfuse.data.series import Series, Sizes
from hybridfuse.data.windows import JointWindows, SingleWindows, WindowsBase


class SeriesData(Data):
    """A time series in windows: the look_back numbers that are known are x, the horizon numbers after them y.

    The parts follow each other in time, and a window belongs to the part that its y lies in: what is known in the
    first windows of validation and test lies in the part before. Channels are standardised by their mean and standard
    deviation in the training part, constant ones by their mean alone, and so are the errors. An author of a source
    writes `read`.

    Args:
        look_back: times that are known.
        horizon: times after them that are to be forecast.
        stride: times from one training window to the next; validation and test take all.
        together: whether a window of all channels is a row, so that each is forecast from all, x one channel after
            the other; by default each channel of a window is a row, forecast from itself alone.
        targets: names of the channels that are to be forecast; by default all.
        train: the first rows, as a share of all rows below 1, or as their number; by default all that are left.
        validation: the rows after them, in the same way.
        test: the rows after these, in the same way; any others are left out.

    Raises:
        ValueError: if look_back, horizon or stride is below 1.
        TypeError: if one of them is no whole number, together no truth value, or targets no list.
    """

    means: np.ndarray
    """Mean of each channel in the training part."""
    scales: np.ndarray
    """Standard deviation of each channel there, 1 for a constant one."""
    channels: list[str]
    """Names of the channels in x."""
    time: str | None = None
    """The column of times in the file; None where it has none."""

    def __init__(
        self,
        name: str,
        look_back: int,
        horizon: int,
        stride: int,
        together: bool,
        targets: Sequence[str] | None,
        train: float | None,
        validation: float,
        test: float,
        batch_size: int,
        drop_last: bool,
    ) -> None:
        super().__init__(name, batch_size, drop_last)
        self.look_back = check.whole("look_back", look_back)
        self.horizon = check.whole("horizon", horizon)
        self.stride = check.whole("stride", stride)
        self.together = check.truth("together", together)
        self.targets = listed("targets", targets)
        self._parts = (train, validation, test)

    def state_dict(self) -> dict[str, Any]:
        sizes = {"look_back": self.look_back, "horizon": self.horizon, "together": self.together}
        scaling = {"means": self.means.tolist(), "scales": self.scales.tolist()}
        channels = {"channels": self.channels, "targets": self.targets or self.channels, "time": self.time}
        return super().state_dict() | {"series": sizes | scaling | channels}

    @abstractmethod
    def read(self) -> Series:
        """The series from its source."""

    def load(self) -> dict[str, float]:
        found = self._kept(self.read())
        sizes = series.sizes(len(found.values), *self._parts)
        self.check_sizes(sizes)
        self.means, self.scales = series.statistics(found.values[: sizes.train])
        values = series.standardised(found, self.means, self.scales)
        self.task, self.checksum, self.rows, self.channels = "forecast", found.checksum, len(values), found.channels
        self.classes, self.feature_names = [], self._feature_names()
        self.m, self.outputs = len(self.feature_names), self.horizon * (len(self._targets()) if self.together else 1)
        parts = self._cut(values, sizes)
        tensors = [torch.from_numpy(part) for part in parts]
        self.splits = Splits(*(self._windows(part, 1 if i else self.stride) for i, part in enumerate(tensors)))
        return series.last_value(parts[-1][:, self._targets()], self.look_back, self.horizon)

    def _kept(self, found: Series) -> Series:
        """The series, without channels that are neither forecast nor forecast from."""
        for name in self.targets:
            check_name("targets", name, found.channels, str(self.name))
        if self.together or not self.targets:
            return found
        columns = [found.channels.index(name) for name in self.targets]
        return Series(found.values[:, columns], self.targets, found.checksum)

    def check_sizes(self, sizes: Sizes) -> None:
        least = Sizes(self.look_back + self.horizon, self.horizon, self.horizon)
        for part, rows, needed in zip(Sizes._fields, sizes, least, strict=True):
            if rows < needed:
                whole = "look_back + horizon" if part == "train" else "horizon"
                raise ValueError(f"{part} must have at least {needed} rows for {whole}, got {rows}.")

    def _cut(self, values: np.ndarray, sizes: Sizes) -> list[np.ndarray]:
        """The values of each part, from the first that one of its windows knows."""
        tested = sizes.train + sizes.validation
        starts = (self.look_back, sizes.train, tested)
        stops = (sizes.train, tested, tested + sizes.test)
        return [values[start - self.look_back : stop] for start, stop in zip(starts, stops, strict=True)]

    def _windows(self, part: torch.Tensor, stride: int) -> WindowsBase:
        if self.together:
            return JointWindows(part, self.look_back, self.horizon, stride, self._targets())
        return SingleWindows(part, self.look_back, self.horizon, stride)

    def _targets(self) -> list[int]:
        return [self.channels.index(name) for name in self.targets or self.channels]

    def _feature_names(self) -> list[str]:
        times = [f"t-{step}" for step in range(self.look_back, 0, -1)]
        return [f"{channel} {time}" for channel in self.channels for time in times] if self.together else times
