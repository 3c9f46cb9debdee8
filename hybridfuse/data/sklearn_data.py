import hashlib
from typing import Any

import numpy as np

from hybridfuse import check
from hybridfuse.data import target
from hybridfuse.data.table import Table, Target
from hybridfuse.data.table_data import TableData

NAMES = ("breast_cancer", "diabetes", "digits", "iris", "wine")


class SklearnData(TableData):
    """A table that comes with scikit-learn, in the units of its source.

    Args:
        name: breast_cancer, diabetes (a regression), digits, iris or wine.

    Raises:
        ValueError: if name is another.
    """

    def __init__(
        self,
        name: str,
        batch_size: int = 64,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__(check.choice("name", name, NAMES), batch_size, validation, test, seed, drop_last)

    def read(self) -> Table:
        from sklearn import datasets

        if self.name == "diabetes":  # scikit-learn would scale it by the rows of all splits
            bunch: Any = datasets.load_diabetes(scaled=False)
            found = target.numbers("progression", bunch.target.astype(np.float64))
        else:
            bunch = getattr(datasets, f"load_{self.name}")()
            found = Target("class", bunch.target.astype(np.int64), [str(name) for name in bunch.target_names])
        columns = np.ascontiguousarray(bunch.data.T, dtype=np.float64)
        checksum = hashlib.sha256(np.ascontiguousarray(bunch.data).tobytes() + bunch.target.tobytes()).hexdigest()
        names = [str(name) for name in bunch.feature_names]
        return Table(dict(zip(names, columns, strict=True)), {}, found, checksum)
