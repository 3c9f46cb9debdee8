"""What every source of a table has in common: the splits and the preprocessing."""

from abc import abstractmethod

import numpy as np

from hybridfuse import check
from hybridfuse.data import baseline, preprocess, split
from hybridfuse.data import target as targets
from hybridfuse.data.base import Data, Splits
from hybridfuse.data.batches import SplitDataset
from hybridfuse.data.table import Table, Target


class TableData(Data):
    """A table with a target, split at random and preprocessed. An author of a source writes `read`.

    Args:
        validation: share of all rows. Above 0; together with test below 1.
        test: share of all rows. Above 0.
        seed: of the split. At least 0.

    Raises:
        ValueError: if a share or the seed is out of its bounds.
        TypeError: if one of them is no number.
    """

    def __init__(self, name: str, batch_size: int, validation: float, test: float, seed: int, drop_last: bool) -> None:
        super().__init__(name, batch_size, drop_last)
        self.validation, self.test = split.shares(validation, test)
        self.seed = check.whole("seed", seed, least=0)

    @abstractmethod
    def read(self) -> Table:
        """The table from its source."""

    def load(self) -> dict[str, float]:
        table = self.read()
        rows = split.mixed(self.split_rows(table.target), self.seed)
        self._prepare(table, rows)
        return baseline.naive(table.target, rows)

    def split_rows(self, target: Target) -> split.Rows:
        """The rows of each split; a regression has at least two in each, for R² needs them."""
        strata = target.values if target.classes else np.zeros(len(target.values))
        return split.stratified(strata, self.validation, self.test, self.seed, least=1 if target.classes else 2)

    def _prepare(self, table: Table, rows: split.Rows) -> None:
        target = table.target
        self.task, self.task_note, self.checksum = target.task, target.note, table.checksum
        self.rows, self.classes, self.outputs = len(target.values), target.classes, len(target.classes) or 1
        y, self.target_mean, self.target_scale = targets.learnable(target, rows.train)
        parts, self.preparation = preprocess.attributes(table, rows)
        self.target_name, self.feature_names = target.name, self.preparation.feature_names
        self.m = len(self.feature_names)
        self.splits = Splits(*(SplitDataset(x, y[part], part) for x, part in zip(parts, rows, strict=True)))
