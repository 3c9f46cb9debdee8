from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import expansion
from hybridfuse.model.transformation.interval_base import length
from hybridfuse.model.transformation.per_attribute_base import PerAttributeBase


class Fourier(PerAttributeBase):
    r"""Expands each attribute by cosines and sines.

    $$\kappa(x) = [\cos(\theta), \sin(\theta), \cos(2 \theta), \sin(2 \theta), \ldots, \cos(P \theta), \sin(P \theta)],
    \quad \theta = 2 \pi x / \lambda$$

    D = 2 P m. In [-1, 1], with mean square 1/2 of each pair. What differs by a whole period becomes the same.

    Args:
        frequencies: P, pairs of each attribute. At least 1.
        period: λ, in the unit of the data, in which standardised ones have variance 1. In [1e-15, 1e15].

    Raises:
        ValueError: if frequencies is below 1 or period outside its range.

    References: RPN (2024), arXiv 2407.04819, Fourier series based expansion.
    """

    def __init__(self, m: int, frequencies: int = 3, period: float = 10.0) -> None:
        super().__init__(m)
        self.frequencies = check.whole("frequencies", frequencies)
        self.period = length("period", period)

    @property
    def columns(self) -> int:
        return 2 * self.frequencies

    def expand(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b m columns"]:
        return expansion.fourier(x, self.frequencies, self.period)
