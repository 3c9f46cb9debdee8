"""Windows of a time series: what is known, and what comes after it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.data.batches import Batch, SplitBase


class WindowsBase(SplitBase):
    """Windows of look_back + horizon times, as views of one series: it is held once, and copied a batch at a time.

    Args:
        series: the part of a series that windows lie in.
        look_back: times that are known.
        horizon: times after them that are to be forecast.
        stride: times from the beginning of a window to that of the next.
    """

    def __init__(self, series: Float[Tensor, "times channels"], look_back: int, horizon: int, stride: int) -> None:
        self.look_back = look_back
        self.series, self.length, self.stride = series, look_back + horizon, stride

    @property
    def windows(self) -> Float[Tensor, "windows channels length"]:
        """All windows; a view, which is made anew since a copy of one, as for another process, would hold them all."""
        return self.series.unfold(0, self.length, self.stride)


class SingleWindows(WindowsBase):
    """Each channel of each window is a row: its look_back numbers, and the horizon numbers after them.

    Row r is channel r mod channels of window r div channels.
    """

    def __len__(self) -> int:
        windows = self.windows
        return windows.shape[0] * windows.shape[1]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        channels = self.series.shape[1]
        rows = self.windows[chosen // channels, chosen % channels]
        return rows[:, : self.look_back], rows[:, self.look_back :]


class JointWindows(WindowsBase):
    """Each window is a row: the numbers of one channel after the other, and so what comes after them.

    Args:
        targets: indices of the channels that are to be forecast.
    """

    def __init__(
        self, series: Float[Tensor, "times channels"], look_back: int, horizon: int, stride: int, targets: Sequence[int]
    ) -> None:
        super().__init__(series, look_back, horizon, stride)
        self.targets = list(targets)

    def __len__(self) -> int:
        return self.windows.shape[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        rows = self.windows[torch.as_tensor(indices)]
        x, y = rows[:, :, : self.look_back], rows[:, self.targets, self.look_back :]
        return x.flatten(1), y.flatten(1)
