import numpy as np

from hybridfuse.data import target
from hybridfuse.data.fetch import PublicFile, fetch
from hybridfuse.data.table import Table
from hybridfuse.data.table_data import TableData

_FILE = PublicFile(
    "uci_tables",
    "banknote",
    "https://raw.githubusercontent.com/jwzhanggy/tinyBIG/d132d991db0bd64bb62aad3cb35ff4f807a6cf21/tinybig/data/backup/banknote",
    45201,
    "582d81fc67f5b20da87f048bbecf7d292cf2f2ceca9d7917c17a96453be5e7b8",
)
_NAMES = ("variance", "skewness", "kurtosis", "entropy")


class BanknoteData(TableData):
    """Genuine and forged banknotes: 1372 rows, 4 attributes of their wavelet-transformed images, 2 classes.

    Raises:
        ValueError: as the base does.
        TypeError: as the base does.

    References: Lohweg (2012), Banknote authentication, UCI machine learning repository.
    """

    def __init__(
        self,
        batch_size: int = 64,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__("banknote", batch_size, validation, test, seed, drop_last)

    def read(self) -> Table:
        lines = fetch(_FILE).read_text(encoding="utf-8").splitlines()[1:]  # the first names a column that is not there
        *columns, classes = np.array([line.split(",") for line in lines if line], dtype=np.float64).T
        return Table(dict(zip(_NAMES, columns, strict=True)), {}, target.classes("class", classes), _FILE.sha256)
