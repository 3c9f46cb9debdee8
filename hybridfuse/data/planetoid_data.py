from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float32

from hybridfuse import check
from hybridfuse.data import planetoid, planetoid_files, split
from hybridfuse.data.fetch import checksum, fetch
from hybridfuse.data.graph_data import GraphData, GraphTable
from hybridfuse.data.table import Target


class PlanetoidData(GraphData):
    """A citation graph: papers, the words in each, the links between them, and the subject of each as its class.

    Links lead both ways; there are no self-links.

    Args:
        name: cora, citeseer or pubmed.
        split: `public`, 20 nodes of each class to train, 500 to validate and 1000 to test, as published; or `random`.
        train_per_class: nodes of each class that train in a random split. At least 1.
        validation_per_class: nodes of each class that validate in a random split; all others test. At least 1.
        row_normalized: whether the attributes of each node are divided by their sum, as for the GCN.
        seed: of a random split. At least 0.

    Raises:
        ValueError: if name or split is another, or a number is below its bound.
        TypeError: if one is no number.

    References: Yang, Cohen & Salakhutdinov (2016), arXiv 1603.08861; Kipf & Welling (2017), arXiv 1609.02907;
        Shchur et al. (2018), arXiv 1811.05868, random splits (there of the largest component alone).
    """

    def __init__(
        self,
        name: str = "cora",
        split: Literal["public", "random"] = "public",
        train_per_class: int = 20,
        validation_per_class: int = 30,
        row_normalized: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(name)
        self.files = planetoid_files.files(check.choice("name", name, planetoid_files.NAMES))
        self.split = check.choice("split", split, _SPLITS)
        self.train_per_class = check.whole("train_per_class", train_per_class)
        self.validation_per_class = check.whole("validation_per_class", validation_per_class)
        self.row_normalized = check.truth("row_normalized", row_normalized)
        self.seed = check.whole("seed", seed, least=0)

    def read(self) -> GraphTable:
        graph = planetoid.read({part: fetch(file) for part, file in self.files.items()})
        x = _normalized(graph.x) if self.row_normalized else graph.x
        words = [f"word{column}" for column in range(x.shape[1])]
        target = Target("subject", graph.y, [str(index) for index in range(graph.y.max() + 1)])
        return GraphTable(
            x, words, target, graph.links, _SPLITS[self.split](self, graph), checksum(self.files.values())
        )


def _normalized(x: Float32[np.ndarray, "n m"]) -> Float32[np.ndarray, "n m"]:
    """Each row divided by its sum; a row of zeros stays."""
    sums = x.sum(axis=1, keepdims=True)
    return x / np.where(sums == 0, 1, sums)


def _public(data: PlanetoidData, graph: planetoid.Planetoid) -> split.Rows:
    return graph.public


def _random(data: PlanetoidData, graph: planetoid.Planetoid) -> split.Rows:
    return split.per_class(graph.y, data.train_per_class, data.validation_per_class, data.seed)


_SPLITS: dict[str, Callable[[PlanetoidData, planetoid.Planetoid], split.Rows]] = {"public": _public, "random": _random}
