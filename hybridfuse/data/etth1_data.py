from collections.abc import Sequence

from hybridfuse.data import csv_cells, series_cells
from hybridfuse.data.fetch import PublicFile, fetch
from hybridfuse.data.series import Series
from hybridfuse.data.series_data import SeriesData

_FILE = PublicFile(
    "etth1",
    "ETTh1.csv",
    "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
    2589657,
    "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
)


class Etth1Data(SeriesData):
    """An electricity transformer, hour by hour: six loads and the temperature OT of the oil.

    By default 12 months of 30 days train, 4 validate and 4 test.

    Raises:
        ValueError: as the base does.
        TypeError: as the base does.

    References: Zhou et al. (2021), Informer, arXiv 2012.07436; look-backs and figures of Zeng et al. (2023), Are
    transformers effective for time series forecasting?, arXiv 2205.13504.
    """

    time = "date"

    def __init__(
        self,
        targets: Sequence[str] | None = None,
        look_back: int = 336,
        horizon: int = 96,
        stride: int = 1,
        together: bool = False,
        train: float | None = 8640,
        validation: float = 2880,
        test: float = 2880,
        batch_size: int = 64,
        drop_last: bool = False,
    ) -> None:
        windows = (look_back, horizon, stride, together, targets, train, validation, test)
        super().__init__("etth1", *windows, batch_size, drop_last)

    def read(self) -> Series:
        cells = csv_cells.read(fetch(_FILE).read_bytes(), _FILE.name)
        return Series(*series_cells.values(cells, self.time, ()), _FILE.sha256)
