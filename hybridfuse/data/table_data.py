"""What every source of a table has in common: the splits, the preprocessing, the batches."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hybridfuse import check
from hybridfuse.data import baseline, preprocess, split
from hybridfuse.data.batches import Batch, SplitDataset, loader
from hybridfuse.data.table import Table, Target, TaskName


class Splits(NamedTuple):
    """The rows that train, validate and test, ready for batches."""

    train: SplitDataset
    validation: SplitDataset
    test: SplitDataset


class TableData(LightningDataModule, ABC):
    """A table with a target, split, preprocessed and in batches (x (rows, m) float32, y) once `setup` has run.

    y holds the index of the class (int64), or the target standardised by the training rows (float32). An author of
    a source writes `read`.

    Args:
        name: what the table is called in results.
        batch_size: rows of a batch; the last one of a split may be shorter.
        validation: share of all rows. Above 0; together with test below 1.
        test: share of all rows. Above 0.
        seed: of the split.
        drop_last: whether to leave out the shorter last batch in training.

    Raises:
        ValueError: if batch_size is below 1, seed below 0, or a share out of its bounds.
        TypeError: if one of them is no number.
    """

    task: TaskName
    task_note: str
    """How the task was inferred; nothing where it was given."""
    rows: int
    """Rows of the whole table."""
    b: int
    """Rows of a training batch: batch_size, or all training rows if they are fewer."""
    m: int
    """Attributes after preprocessing."""
    feature_names: list[str]
    """Their names."""
    outputs: int
    """Numbers that a network is to answer: as many as classes, or 1."""
    classes: list[str]
    """Names of the classes; none for a regression."""
    target_mean: float
    """Mean of the training target, 0 for classes."""
    target_scale: float
    """Standard deviation of the training target, 1 for classes."""
    checksum: str
    """SHA-256 of the source."""
    splits: Splits

    def __init__(self, name: str, batch_size: int, validation: float, test: float, seed: int, drop_last: bool) -> None:
        super().__init__()
        self.name = name
        self.batch_size = check.whole("batch_size", batch_size)
        self.validation = check.positive("validation", validation)
        self.test = check.positive("test", test)
        if self.validation + self.test >= 1:
            raise ValueError(f"validation + test must be < 1, got {validation} + {test}.")
        self.seed = check.whole("seed", seed, least=0)
        self.drop_last = check.truth("drop_last", drop_last)
        self._baseline: dict[str, float] | None = None

    @abstractmethod
    def read(self) -> Table:
        """The table from its source."""

    def setup(self, stage: str | None = None) -> None:
        """Reads and prepares everything, the first time it is called; the stage does not matter.

        Raises:
            ValueError: if the table cannot be learned from; the sentence names the place and the remedy.
            FileNotFoundError: if there is no file to read.
        """
        if self._baseline is None:
            table = self.read()
            rows = self._split(table.target)
            self._prepare(table, rows)
            self._baseline = _baseline(table.target, rows)

    def baseline(self) -> dict[str, float]:
        """Test metrics of the naive answer, in the target's units: the most frequent class or the mean in training."""
        if self._baseline is None:
            raise RuntimeError("setup must run before baseline, got a table that is not read yet.")
        return dict(self._baseline)

    def train_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.train, self.b, shuffle=True, drop_last=self.drop_last)

    def val_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.validation, self.b)

    def test_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.test, self.b)

    def reference_dataloader(self) -> DataLoader[Batch]:
        """All training rows, in order: what statistics of the training split are computed from."""
        return loader(self.splits.train, self.b)

    def _split(self, target: Target) -> split.Rows:
        """The rows of each split; a regression has at least two in each, for R² needs them."""
        strata = target.values if target.classes else np.zeros(len(target.values))
        return split.stratified(strata, self.validation, self.test, self.seed, least=1 if target.classes else 2)

    def _prepare(self, table: Table, rows: split.Rows) -> None:
        target = table.target
        self.task, self.task_note, self.checksum = target.task, target.note, table.checksum
        self.rows, self.classes, self.outputs = len(target.values), target.classes, len(target.classes) or 1
        self.target_mean, self.target_scale = _statistics(target, rows)
        parts, self.feature_names = preprocess.attributes(table, rows)
        self.m, self.b = len(self.feature_names), min(self.batch_size, len(rows.train))
        y = target.values if target.classes else self._standardised(target.values)
        self.splits = Splits(*(SplitDataset(x, y[part], part) for x, part in zip(parts, rows, strict=True)))

    def _standardised(self, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        return ((values - self.target_mean) / self.target_scale).astype(np.float32)


def _statistics(target: Target, rows: split.Rows) -> tuple[float, float]:
    """Mean and standard deviation of a regression's training target; 0 and 1 for classes."""
    if target.classes:
        return 0.0, 1.0
    values = target.values[rows.train]
    if values.min() == values.max():
        raise ValueError(f"target {target.name!r} must vary, got {values[0]} in every training row.")
    return float(values.mean()), float(values.std())


def _baseline(target: Target, rows: split.Rows) -> dict[str, float]:
    train, test = target.values[rows.train], target.values[rows.test]
    return baseline.majority(train, test, len(target.classes)) if target.classes else baseline.mean(train, test)
