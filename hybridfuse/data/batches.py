"""A split in memory, and its batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Batch = tuple[Float[Tensor, "b m"], Shaped[Tensor, " b"]]


class SplitDataset(Dataset[Batch]):
    """Rows of one split; gives a whole batch at once, which for small tables is many times faster than row by row.

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

    def __getitem__(self, index: int) -> Batch:
        return self.x[index], self.y[index]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """The batch of these rows; what `DataLoader` asks for where it is offered."""
        chosen = torch.as_tensor(indices)
        return self.x[chosen], self.y[chosen]


def loader(dataset: SplitDataset, size: int, shuffle: bool = False, drop_last: bool = False) -> DataLoader[Batch]:
    """Batches of a split; shuffled by torch's global random numbers, which the run seeds."""
    return DataLoader(dataset, batch_size=size, shuffle=shuffle, drop_last=drop_last, collate_fn=_as_it_is)


def _as_it_is(batch: Any) -> Any:
    """A function of this module, for worker processes to find."""
    return batch
