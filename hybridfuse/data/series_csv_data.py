import hashlib
from collections.abc import Sequence
from pathlib import Path

from hybridfuse.data import csv_cells, series_cells
from hybridfuse.data.cells import listed
from hybridfuse.data.file_data import file_content
from hybridfuse.data.series import Series
from hybridfuse.data.series_data import SeriesData


class SeriesCsvData(SeriesData):
    """A time series in a CSV file as `CsvData` reads it: a row a time, a column a channel.

    Args:
        path: the file.
        time: the column of times, numbers or dates such as 2016-07-01 13:00:00, found to be in order and without a
            gap; none by default, which takes rows as they follow.
        ignore: columns to leave out.

    Raises:
        ValueError: if path is missing, or as the base does.
        TypeError: if ignore is no list, or as the base does.
    """

    def __init__(
        self,
        path: str | None = None,
        time: str | None = None,
        targets: Sequence[str] | None = None,
        ignore: Sequence[str] | None = None,
        look_back: int = 96,
        horizon: int = 24,
        stride: int = 1,
        together: bool = False,
        train: float | None = None,
        validation: float = 0.1,
        test: float = 0.2,
        batch_size: int = 64,
        drop_last: bool = False,
    ) -> None:
        if path is None:
            raise ValueError("data.path must be given, a file with a time series, e.g. data.path=my.csv.")
        self.path = Path(path).expanduser()
        windows = (look_back, horizon, stride, together, targets, train, validation, test)
        super().__init__(self.path.stem, *windows, batch_size, drop_last)
        self.time = None if time is None else str(time)
        self.ignore = listed("ignore", ignore)

    def read(self) -> Series:
        content = file_content(self.path)
        cells = csv_cells.read(content, self.path.name)
        return Series(*series_cells.values(cells, self.time, self.ignore), hashlib.sha256(content).hexdigest())
