from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check


class Reconciliation(nn.Module, ABC):
    """Makes a matrix ψ(w) of a given shape from its parameters w.

    Args:
        rows: rows of ψ. At least 1.
        columns: columns of ψ. At least 1.
        std: standard deviation of the entries of ψ at the start; 1 / √columns by default.

    Raises:
        ValueError: if rows or columns is below 1.
    """

    def __init__(self, rows: int, columns: int, std: float | None = None) -> None:
        super().__init__()
        self.rows = check.whole("rows", rows)
        self.columns = check.whole("columns", columns)
        self.std = columns**-0.5 if std is None else check.positive("std", std)

    @abstractmethod
    def forward(self) -> Float[Tensor, "rows columns"]:
        """ψ(w)."""
