import hashlib

import numpy as np
from jaxtyping import Int

from hybridfuse import check
from hybridfuse.data import planted
from hybridfuse.data.structure.base import Structure
from hybridfuse.data.table import Table, Target
from hybridfuse.data.table_data import TableData


class PlantedData(TableData):
    """Synthetic rows whose class is the sign with which linked attributes covary; no attribute alone tells anything.

    So a sum of functions of single attributes, as of the network without hidden layers and with a transformation
    such as chebyshev, stays at chance, unless an interdependence function relates linked ones. Formulas are those of
    `hybridfuse.data.planted.attributes`.

    Args:
        structure: which attributes are linked.
        rows: number of rows. At least 6.
        attributes: number of attributes. At least 2.
        strength: how far classes differ. In [0, 1); with 0 they do not.
        seed: of the data and of the split.

    Raises:
        ValueError: if rows, attributes or strength are out of their bounds, or as the base does.
        TypeError: if structure is none, or one of the others no number, or as the base does.
    """

    attribute_links: Int[np.ndarray, "links 2"]
    """Attributes that are linked, both directions of each link."""

    def __init__(
        self,
        structure: Structure,
        rows: int = 1000,
        attributes: int = 36,
        strength: float = 0.9,
        batch_size: int = 64,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        super().__init__("planted", batch_size, validation, test, seed, drop_last)
        self.structure = check.kind("structure", structure, Structure)
        self.sizes = check.whole("rows", rows, least=6), check.whole("attributes", attributes, least=2)
        self.strength = check.fraction("strength", strength)

    def read(self) -> Table:
        rows, count = self.sizes
        self.attribute_links = self.structure.links(count, self.seed)
        x, y = planted.attributes(self.attribute_links, rows, count, self.strength, self.seed)
        columns = {f"x{index}": column for index, column in enumerate(x.T.astype(np.float64))}
        checksum = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
        return Table(columns, {}, Target("sign", y, ["negative", "positive"]), checksum)
