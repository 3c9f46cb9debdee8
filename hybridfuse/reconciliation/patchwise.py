import math
from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import reconcile
from hybridfuse.instantiate import instantiate
from hybridfuse.reconciliation.base import Reconciliation

FULL = {"_target_": "hybridfuse.reconciliation.full.Full"}


class Patchwise(Reconciliation):
    r"""One small ψ that all patches share: with patches side by side, a convolution.

    $$\psi(w)_{(u L + l),\, (l' k + j)} = \delta_{l l'} V(w)_{u j}, \quad
    V(w) \in \mathbb{R}^{rows / L \times columns / L}$$

    Columns go by patch l of L, k of each, as a grid's padding has them; rows go by output u, then patch, as a grid of
    so many channels is read, so that layers follow each other. With one patch it is V itself. w is that of V.

    Args:
        rows: outputs of V, times the patches.
        columns: those of all patches.
        std: standard deviation of the entries of V at the start; by default as V has it, mostly 1 / √(columns / L).
        patches: L, which divides rows and columns.
        reconciliation: configuration of V, which is given its rows and columns; by default every entry is learned.

    Raises:
        ValueError: if patches is below 1 or does not divide, or V refuses its size.
        TypeError: if the configuration is not of a reconciliation.

    References: RPN 2 (2024), arXiv 2411.11162, convolutional networks as geometric interdependence; LeCun et al.
        (1989), Backpropagation applied to handwritten zip code recognition, for shared weights.
    """

    builds_its_parts = True

    def __init__(
        self,
        rows: int,
        columns: int,
        std: float | None = None,
        patches: int = 1,
        reconciliation: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(rows, columns, std)
        self.patches = _patches(patches, self.rows, self.columns)
        given = {"rows": rows // self.patches, "columns": columns // self.patches}
        shared = instantiate(reconciliation or FULL, given if std is None else {**given, "std": std})
        self.shared = check.kind("reconciliation", shared, Reconciliation)
        self.std = self.shared.std

    def factors(self) -> list[Float[Tensor, "_ _"]]:
        shared = self.shared()
        same = shared.new_ones(self.patches).diag()
        return [(shared[:, None, None] * same[:, :, None]).flatten(2).flatten(0, 1)]

    def linear(self, x: Float[Tensor, "b columns"], bias: Float[Tensor, " rows"] | None) -> Float[Tensor, "b rows"]:
        patches = x.reshape(-1, self.shared.columns)
        mapped = self.shared.linear(patches, None).unflatten(0, (-1, self.patches)).mT.flatten(1)
        return mapped if bias is None else mapped + bias.to(mapped.dtype)


def _patches(patches: int, rows: int, columns: int) -> int:
    if math.gcd(rows, columns) % check.whole("patches", patches):
        fitting = reconcile.divisors(math.gcd(rows, columns))
        near = min(fitting, key=lambda divisor: abs(divisor - patches))
        raise ValueError(
            f"patches must divide the {rows} rows and the {columns} columns of ψ, got {patches}; "
            f"the nearest that does is {near}."
        )
    return int(patches)
