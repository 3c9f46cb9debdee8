from collections.abc import Sequence
from typing import TYPE_CHECKING

from hybridfuse.data import columns, csv_cells
from hybridfuse.data.cells import Cells
from hybridfuse.data.file_data import FileData
from hybridfuse.data.table import TaskName

if TYPE_CHECKING:
    import polars as pl


class CsvData(FileData):
    """A table in a CSV file, encoded as UTF-8, its first line the names of the columns.

    A column whose cells are all numbers is one of numbers, else of categories; one whose cells are mostly numbers is
    refused. Empty cells and NA, N/A, null, none and ? are missing. Cells are separated by commas or, where the first
    line has none, by semicolons or tabs.

    Raises:
        ValueError: as the bases do.
        TypeError: as the bases do.
    """

    def __init__(
        self,
        path: str | None = None,
        target: str | None = None,
        task: TaskName | None = None,
        ignore: Sequence[str] | None = None,
        categorical: Sequence[str] | None = None,
        max_categories: int = 50,
        batch_size: int = 64,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        given = (path, target, task, ignore, categorical, max_categories)
        super().__init__(*given, batch_size, validation, test, seed, drop_last)

    def cells(self, content: bytes) -> Cells:
        return csv_cells.read(content, self.path.name)

    def typed(self, column: "pl.Series", cells: Cells, remedy: str) -> "pl.Series":
        return columns.parsed(column, cells, remedy)
