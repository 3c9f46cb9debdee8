from collections.abc import Sequence

from hybridfuse import check
from hybridfuse.functional import extremes, reduction
from hybridfuse.fusion.folded_base import FoldedBase


class Logsumexp(FoldedBase):
    r"""A smooth maximum at each place.

    $$A = T \log \sum_i \exp(A_i / T)$$

    Between the maximum and T log k above it. k zeros give T log k, so that the result is dense.

    Args:
        temperature: T; the smaller, the nearer to the maximum. Above 0.

    Raises:
        ValueError: if temperature is not above 0.

    References: Boyd and Vandenberghe (2004), Convex optimization, section 3.1.5.
    """

    symmetric = True
    keeps_one = True
    keeps_zero = False

    def __init__(self, dims: Sequence[int] | None = None, temperature: float = 1.0) -> None:
        super().__init__(dims)
        self.temperature = check.positive("temperature", temperature)

    def rule(self) -> reduction.Rule:
        return extremes.LogSumExp(self.temperature)
