import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hybridfuse.data import columns
from hybridfuse.data.cells import Cells
from hybridfuse.data.file_data import FileData
from hybridfuse.data.table import TaskName

if TYPE_CHECKING:
    import polars as pl


class ParquetData(FileData):
    """A table in a Parquet file, its columns of the types that the file states; null is a missing value.

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
        import polars as pl

        try:
            frame = pl.read_parquet(io.BytesIO(content))
        except pl.exceptions.PolarsError as error:
            raise ValueError(
                f"{self.path.name} must be a Parquet file, got one that cannot be read as such."
            ) from error
        if frame.is_empty():
            raise ValueError(f"{self.path.name} must have rows, got none.")
        return Cells(frame, self.path.name)

    def typed(self, column: "pl.Series", cells: Cells, remedy: str) -> "pl.Series":
        return columns.native(column, cells)
