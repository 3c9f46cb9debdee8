from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.reconciliation.base import Reconciliation, normal


class Full(Reconciliation):
    r"""Every entry a parameter of its own.

    $$\psi(w) = W$$

    References: RPN 2 (2024), arXiv 2411.11162, identity reconciliation.
    """

    def __init__(self, rows: int, columns: int, std: float | None = None) -> None:
        super().__init__(rows, columns, std)
        self.weight = normal(rows, columns, self.std)

    def factors(self) -> Sequence[Float[Tensor, "_ _"]]:
        return [self.weight]

    def linear(self, x: Float[Tensor, "b columns"], bias: Float[Tensor, " rows"] | None) -> Float[Tensor, "b rows"]:
        return nn.functional.linear(x, self.weight.to(x.dtype), None if bias is None else bias.to(x.dtype))
