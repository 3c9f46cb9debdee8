"""What every source of a graph has in common: one batch of all nodes, of which those of a split count."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int, Shaped
from torch import Tensor

from hybridfuse.data import baseline
from hybridfuse.data import target as targets
from hybridfuse.data.base import Data, Splits
from hybridfuse.data.batches import Batch, SplitBase
from hybridfuse.data.preparation import Preparation
from hybridfuse.data.split import Rows
from hybridfuse.data.table import Target


class GraphTable(NamedTuple):
    """A graph of n nodes with attributes and a target, as it was read.

    Args:
        x: attributes, prepared to be learned from.
        names: of the attributes.
        target: of all nodes; of those in no split it may be anything.
        links: nodes by their rows, (z, 2), or with weights, (z, 3); both directions of a link that leads both ways.
        rows: the nodes of each split.
        checksum: of the source.
        preparation: how the attributes were prepared, where that can be done to others.
    """

    x: Float32[np.ndarray, "n m"]
    names: list[str]
    target: Target
    links: Shaped[np.ndarray, "z columns"]
    rows: Rows
    checksum: str
    preparation: Preparation | None = None


class NodeSplit(SplitBase):
    """The nodes of one split, as batches (x, y, rows): all nodes, and the target of those rows that count.

    The batch of all rows is the same object each time.

    Args:
        x: attributes of all nodes.
        y: class indices, or standardised numbers, of the nodes of the split.
        rows: these nodes.
    """

    def __init__(self, x: Tensor, y: Shaped[np.ndarray, " rows"], rows: Int[np.ndarray, " rows"]) -> None:
        self.rows = rows
        self._whole = (x, torch.from_numpy(y), torch.from_numpy(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        if len(indices) == len(self):
            return self._whole
        x, y, rows = self._whole
        chosen = torch.as_tensor(indices)
        return x, y[chosen], rows[chosen]


class GraphData(Data):
    """Nodes of a graph with a target: each batch holds all nodes, and says which of them count.

    An author of a source writes `read`.

    Args:
        name: what the graph is called in results.
    """

    links: Shaped[np.ndarray, "z columns"]
    """Nodes by their rows, (z, 2), or with weights, (z, 3); both directions of a link that leads both ways."""

    def __init__(self, name: str) -> None:
        super().__init__(name, batch_size=1, drop_last=False)
        self._moved: dict[int, tuple[Tensor, Tensor]] = {}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"links": torch.from_numpy(self.links)}

    @property
    def b(self) -> int:
        """All nodes."""
        return self.rows

    @abstractmethod
    def read(self) -> GraphTable:
        """The graph from its source."""

    def load(self) -> dict[str, float]:
        graph = self.read()
        target = graph.target
        self.task, self.task_note, self.checksum = target.task, target.note, graph.checksum
        self.classes, self.outputs = target.classes, len(target.classes) or 1
        self.target_name, self.preparation = target.name, graph.preparation
        (self.rows, self.m), self.feature_names, self.links = graph.x.shape, graph.names, graph.links
        y, self.target_mean, self.target_scale = targets.learnable(target, graph.rows.train)
        x = torch.from_numpy(graph.x)
        self.splits = Splits(*(NodeSplit(x, y[part], part) for part in graph.rows))
        return baseline.naive(target, graph.rows)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on the device, where each tensor is copied once."""
        return tuple(self._on(tensor, device) for tensor in batch)

    def _on(self, tensor: Tensor, device: torch.device) -> Tensor:
        known, moved = self._moved.get(id(tensor), (None, tensor))
        if known is not tensor or moved.device != device:
            moved = tensor.to(device)
            self._moved[id(tensor)] = tensor, moved
        return moved
