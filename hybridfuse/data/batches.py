"""A split in memory, and its batches."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Batch = tuple[Shaped[Tensor, "..."], ...]
"""x (b, m) and y (b, ...); or x, y and rows, where y is the target of those rows of x and no others count."""


class SplitBase(Dataset[Batch]):
    """Rows of one split; gives a whole batch at once, which for small rows is many times faster than row by row."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """The batch of these rows; what `DataLoader` asks for where it is offered."""

    def __getitem__(self, index: int) -> Batch:
        x, y, *_ = self.__getitems__([index])
        return x[0], y[0]


class SplitDataset(SplitBase):
    """Rows of one split of a table.

    Args:
        x: attributes.
        y: class indices, or standardised numbers.
        rows: where these rows stand in the whole table.
    """

    def __init__(
        self,
        x: Float[np.ndarray, "rows m"],
        y: Shaped[np.ndarray, " rows"],
        rows: Int[np.ndarray, " rows"],
    ) -> None:
        self.x = torch.from_numpy(x)
        self.y = torch.from_numpy(y)
        self.rows = rows

    def __len__(self) -> int:
        return len(self.y)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(indices)
        return self.x.index_select(0, chosen), self.y.index_select(0, chosen)


class Loader(DataLoader[Batch]):
    """torch's, whose batches of what is in memory come without its profiler and its search for what a data set offers.

    The random numbers are drawn that torch draws, in its order.
    """

    def __iter__(self) -> Any:
        if self.num_workers or self.batch_sampler is None:
            return super().__iter__()
        torch.empty((), dtype=torch.int64).random_(generator=self.generator)  # the seed of workers, if there were some
        rows: Any = self.dataset
        return map(rows.__getitems__, self.batch_sampler)


def loader(dataset: SplitBase, size: int, shuffle: bool = False, drop_last: bool = False) -> DataLoader[Batch]:
    """Batches of a split; shuffled by torch's global random numbers, which the run seeds."""
    return Loader(dataset, batch_size=size, shuffle=shuffle, drop_last=drop_last, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    """A function of this module, for worker processes to find."""
    return batch
