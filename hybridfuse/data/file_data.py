"""What tables in files have in common: where they are, which columns count, and what these hold."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hybridfuse import check
from hybridfuse.data import columns, target
from hybridfuse.data.cells import Cells, check_name, listed, override
from hybridfuse.data.table import TASKS, Categories, Table, Target, TaskName
from hybridfuse.data.table_data import TableData

if TYPE_CHECKING:
    import polars as pl


class FileData(TableData):
    """A table in a file. An author of a format writes `cells` and `typed`.

    Args:
        path: the file.
        target: the column to be predicted.
        task: classification or regression; inferred from the target where not given. Texts and at most 20 distinct
            whole numbers are taken for classes.
        ignore: columns to leave out.
        categorical: columns of numbers, or of numbers and texts, that are categories.
        max_categories: most distinct texts of a column. At least 1.

    Raises:
        ValueError: if path or target is missing, task is another, or max_categories is below 1.
        TypeError: if ignore or categorical is no list.
    """

    def __init__(
        self,
        path: str | None,
        target: str | None,
        task: TaskName | None,
        ignore: Sequence[str] | None,
        categorical: Sequence[str] | None,
        max_categories: int,
        batch_size: int,
        validation: float,
        test: float,
        seed: int,
        drop_last: bool,
    ) -> None:
        if path is None:
            raise ValueError("data.path must be given, a file with a table, e.g. data.path=my.csv.")
        if target is None:
            raise ValueError("data.target must be given, the column to be predicted, e.g. data.target=price.")
        self.path = Path(path).expanduser()
        super().__init__(self.path.stem, batch_size, validation, test, seed, drop_last)
        self.target = str(target)
        if task is not None:
            check.choice("task", task, TASKS)
        self.given_task: TaskName | None = task
        self.ignore = listed("ignore", ignore)
        self.categorical = listed("categorical", categorical)
        self.max_categories = check.whole("max_categories", max_categories)

    @abstractmethod
    def cells(self, content: bytes) -> Cells:
        """The cells of a file's bytes."""

    @abstractmethod
    def typed(self, column: "pl.Series", cells: Cells, remedy: str) -> "pl.Series":
        """A column as float64 or as texts, null where a value is missing.

        Args:
            remedy: what a user may do with a column of numbers and texts; empty if such a column may hold texts.
        """

    def read(self) -> Table:
        content = file_content(self.path)
        cells = self.cells(content)
        return Table(*self.attributes(cells), self.target_of(cells), hashlib.sha256(content).hexdigest())

    def attributes(self, cells: Cells) -> tuple[dict[str, columns.Numbers], dict[str, Categories]]:
        """The columns to learn from: those of numbers, and those of categories."""
        numbers: dict[str, columns.Numbers] = {}
        categories: dict[str, Categories] = {}
        for name in self._attributes(cells):
            column = cells.frame[name]
            typed = self._typed_attribute(column, cells)
            if typed.dtype.is_numeric() and name not in self.categorical:
                numbers[name] = columns.numbers(typed, column, cells)
            else:
                categories[name] = columns.categories(column, self.max_categories)
        return numbers, categories

    def _attributes(self, cells: Cells) -> list[str]:
        """The columns to learn from, all that the options name being there."""
        check_name("target", self.target, cells.frame.columns, cells.file)
        others = [name for name in cells.frame.columns if name != self.target]
        for name in self.ignore:
            check_name("ignore", name, others, cells.file)
        kept = [name for name in others if name not in self.ignore]
        if not kept:
            raise ValueError(f"{cells.file} must have a column besides the target {self.target!r}, got none to keep.")
        for name in self.categorical:
            check_name("categorical", name, kept, cells.file)
        return kept

    def _typed_attribute(self, column: "pl.Series", cells: Cells) -> "pl.Series":
        remedy = f"make it a category with data.categorical={override(column.name)}"
        return self.typed(column, cells, "" if column.name in self.categorical else remedy)

    def target_of(self, cells: Cells) -> Target:
        """What is to be predicted of each row."""
        column = cells.frame[self.target]
        remedy = "" if self.given_task else "set data.task=classification"
        typed = self.typed(column, cells, remedy)
        values = columns.target(typed, column, cells, self.given_task == "regression")
        task, note = (self.given_task, "") if self.given_task else target.inferred(self.target, values)
        if task == "classification":
            return target.classes(self.target, values, note)
        return target.numbers(self.target, values, note)


def file_content(path: Path) -> bytes:
    """The bytes of a file, or FileNotFoundError with the nearest name in its folder."""
    if not path.is_file():
        raise FileNotFoundError(
            f"data.path must be a file, got {path}, which {'is none' if path.exists() else 'does not exist'}"
            f"{check.nearest_file(path) or '.'}"
        )
    return path.read_bytes()
