"""Positive numbers that a function is told, learns, or takes from the distances of the items at hand."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import kernel

MEDIAN = "median"


class Positive(nn.Module):
    """A learnable number or vector above 0, kept as its logarithm.

    Args:
        start: where it starts. Above 0.
    """

    def __init__(self, start: float | Sequence[float]) -> None:
        super().__init__()
        logarithms = math.log(start) if isinstance(start, (int, float)) else [math.log(value) for value in start]
        self.logarithm = nn.Parameter(torch.tensor(logarithms, dtype=torch.get_default_dtype()))

    def forward(self, like: Tensor, unit: float = 1.0) -> Tensor:
        """The number in the given unit, in the dtype and on the device of `like`.

        It stays within the bounds where its square and its inverse are numbers of that dtype, too.
        """
        bound = math.log(torch.finfo(like.dtype).max) / 4.0
        return (self.logarithm.to(like) - math.log(unit)).clamp(-bound, bound).exp()


class Bandwidth(nn.Module):
    """The sigma of a kernel of distances: the distance at which a similarity has faded.

    Distances are divided by `unit` where they are computed, which keeps them finite for any sigma that is known
    beforehand; what is called with these gives sigma in the same unit.

    Args:
        sigma: a number, in the units of the distances, or `median`: the median of the positive distances between
            the items at hand, or the reference data where A is of these; 1 where there is none. Above 0.
        learnable: whether a number is where sigma starts to learn, or the median has a learned factor from 1 on.

    Raises:
        ValueError, TypeError: if sigma is neither above 0 nor `median`, or learnable is no bool.
    """

    def __init__(self, sigma: float | str, learnable: bool = False) -> None:
        super().__init__()
        if isinstance(sigma, str) and sigma != MEDIAN:
            raise ValueError(f"sigma must be > 0 or {MEDIAN}, got {sigma!r}{check.nearest(sigma, [MEDIAN]) or '.'}")
        self.is_median = sigma == MEDIAN
        self.unit = 1.0 if self.is_median else check.positive("sigma", sigma)
        self.learned = Positive(self.unit) if check.truth("learnable", learnable) else None

    def forward(self, distances: Float[Tensor, "n n"], power: int = 1) -> float | Tensor:
        """Sigma in multiples of `unit`, for distances in multiples of it that are raised to a power."""
        factor = 1.0 if self.learned is None else self.learned(distances, self.unit)
        return factor * kernel.median_distance(distances, power) if self.is_median else factor

    def relative(self, distances: Float[Tensor, "n n"], power: int = 1) -> Tensor:
        """Distances divided by sigma, for distances in multiples of `unit`, both raised to a power."""
        factor = 1.0 if self.learned is None else self.learned(distances, self.unit) ** -power
        if not self.is_median:
            return distances if self.learned is None else distances * factor
        median = kernel.median_distance(distances, power)
        distances = distances / median
        # Divided again, since the square of a distance may be no number of the dtype.
        distances = distances if power == 1 else distances.div_(median)
        return distances.clamp_max_(torch.finfo(distances.dtype).max).mul_(factor)

    def extra_repr(self) -> str:
        return f"sigma={MEDIAN if self.is_median else self.unit}"
