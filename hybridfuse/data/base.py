"""What every source of data has in common: what a run asks of it, its splits, their batches."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from hybridfuse import check
from hybridfuse.data.batches import Batch, SplitBase, loader
from hybridfuse.data.preparation import Preparation
from hybridfuse.data.table import TaskName


class Splits(NamedTuple):
    """The rows that train, validate and test, ready for batches."""

    train: SplitBase
    validation: SplitBase
    test: SplitBase


class Data(LightningDataModule, ABC):
    """Data in splits and batches (x (rows, m) float32, y) once `setup` has run.

    y holds the index of the class (int64), or standardised numbers (float32). An author of a source writes `load`.

    Args:
        name: what the data are called in results.
        batch_size: rows of a batch; the last one of a split may be shorter.
        drop_last: whether to leave out the shorter last batch in training.

    Raises:
        ValueError: if batch_size is below 1.
        TypeError: if batch_size is no whole number, or drop_last no truth value.
    """

    task: TaskName
    task_note: str = ""
    """How the task was inferred; nothing where it was given."""
    rows: int
    """Rows of all data."""
    m: int
    """Attributes after preprocessing."""
    feature_names: list[str]
    """Their names."""
    outputs: int
    """Numbers that a network is to answer: as many as classes, or as are to be predicted of a row."""
    classes: list[str]
    """Names of the classes; none where numbers are predicted."""
    target_mean: float = 0.0
    """Mean of the training target, 0 for classes."""
    target_scale: float = 1.0
    """Standard deviation of the training target, 1 for classes."""
    target_name: str = ""
    """What is predicted is called; nothing where it has no name."""
    preparation: Preparation | None = None
    """How a table's columns became attributes; None where rows of a table cannot be prepared so."""
    checksum: str
    """SHA-256 of the source."""
    splits: Splits

    def __init__(self, name: str, batch_size: int, drop_last: bool) -> None:
        super().__init__()
        self.name = name
        self.batch_size = check.whole("batch_size", batch_size)
        self.drop_last = check.truth("drop_last", drop_last)
        self._baseline: dict[str, float] | None = None

    @abstractmethod
    def load(self) -> dict[str, float]:
        """Reads and prepares everything, and sets the attributes above; gives what `baseline` is to give."""

    @property
    def b(self) -> int:
        """Rows of a training batch: batch_size, or all training rows if they are fewer."""
        return min(self.batch_size, len(self.splits.train))

    def setup(self, stage: str | None = None) -> None:
        """Reads and prepares everything, the first time it is called; the stage does not matter.

        Raises:
            ValueError: if the data cannot be learned from; the sentence names the place and the remedy.
            FileNotFoundError: if there is no file to read.
        """
        if self._baseline is None:
            self._baseline = self.load()

    def baseline(self) -> dict[str, float]:
        """Test metrics of the naive answer, such as the most frequent class or the mean in training."""
        if self._baseline is None:
            raise RuntimeError("setup must run before baseline, got data that are not read yet.")
        return dict(self._baseline)

    def state_dict(self) -> dict[str, Any]:
        """What prediction needs to know of the data: texts, numbers and lists of them, kept in the checkpoint."""
        known = ("task", "target_name", "classes", "feature_names", "m", "b", "outputs", "target_mean", "target_scale")
        prepared = None if self.preparation is None else self.preparation.state()
        return {**{name: getattr(self, name) for name in known}, "preparation": prepared}

    def train_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.train, self.b, shuffle=True, drop_last=self.drop_last)

    def val_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.validation, self.b)

    def test_dataloader(self) -> DataLoader[Batch]:
        return loader(self.splits.test, self.b)

    def reference_dataloader(self, rows: int | None = None) -> DataLoader[Batch]:
        """All training rows, in order, by default in batches of b: what statistics of the split are computed from."""
        return loader(self.splits.train, self.b if rows is None else rows)
