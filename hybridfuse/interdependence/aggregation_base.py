"""The sum of the cells of each patch."""

import math

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import grid
from hybridfuse.interdependence.geometric_base import GeometricBase


class AggregationBase(GeometricBase):
    """A column for each patch in each channel, with a 1 in the row of each of its cells that is in the grid.

    Columns go by centre, then channel.
    """

    cost = "z d"

    def columns(self, n: int) -> int:
        return math.prod(self.centres) * self.channels

    def assembled(self) -> Float[Tensor, "n p"]:
        return grid.aggregation(self.extents, self.channels, self.steps, self.offsets)
