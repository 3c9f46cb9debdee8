import hashlib

from hybridfuse import check
from hybridfuse.data import planted, split
from hybridfuse.data.graph_data import GraphData, GraphTable
from hybridfuse.data.structure.base import Structure
from hybridfuse.data.table import Target


class PlantedInstancesData(GraphData):
    """A synthetic graph in which the class of an instance follows from the attributes of those linked to it alone.

    So a network that relates no instances stays at chance. Formulas are those of `hybridfuse.data.planted.instances`.

    Args:
        structure: which instances are linked.
        rows: number of instances. At least 6.
        attributes: number of attributes. At least 1.
        strength: how far classes follow from the linked instances. In [0, 1); with 0 they are random.
        validation: share of all rows. Above 0; together with test below 1.
        test: share of all rows. Above 0.
        seed: of the data and of the split. At least 0.

    Raises:
        ValueError: if one of these is out of its bounds.
        TypeError: if structure is none, or one of the others no number.
    """

    def __init__(
        self,
        structure: Structure,
        rows: int = 1000,
        attributes: int = 16,
        strength: float = 0.9,
        validation: float = 0.1,
        test: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__("planted_instances")
        self.structure = check.kind("structure", structure, Structure)
        self.sizes = check.whole("rows", rows, least=6), check.whole("attributes", attributes)
        self.strength = check.fraction("strength", strength)
        self.shares = split.shares(validation, test)
        self.seed = check.whole("seed", seed, least=0)

    def read(self) -> GraphTable:
        rows, count = self.sizes
        links = self.structure.links(rows, self.seed)
        x, y = planted.instances(links, rows, count, self.strength, self.seed)
        parts = split.stratified(y, *self.shares, self.seed)
        checksum = hashlib.sha256(x.tobytes() + y.tobytes() + links.tobytes()).hexdigest()
        names = [f"x{index}" for index in range(count)]
        target = Target("sign", y, ["negative", "positive"])
        return GraphTable(x, names, target, links, parts, checksum)
