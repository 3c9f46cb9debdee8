"""The cells of each patch, side by side."""

import math

from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import grid
from hybridfuse.functional.stored import Derived
from hybridfuse.interdependence.geometric_base import GeometricBase


class PaddingBase(GeometricBase):
    """A column for each cell of each patch in each channel, with a 1 in the row of that cell, if it is in the grid.

    Columns go by centre, then channel, then cell of the patch, each in lexicographic order: a learned (out, channels ×
    cells of a patch) matrix on the columns of each centre is a convolution, for which
    `hybridfuse.reconciliation.Patchwise` is there.
    """

    cost = "p d"

    def columns(self, n: int) -> int:
        return math.prod(self.centres) * self.channels * len(self.offsets)

    def assembled(self) -> Float[Tensor, "n p"]:
        return grid.padding(self.extents, self.channels, self.steps, self.offsets)

    def store(self, like: Tensor | None = None) -> None:
        super().store(like)
        self._sources: Derived[grid.Sources] = Derived()

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        kept = self.kept(items)
        if kept is None:
            return super().transform(items, transformed)
        return grid.gather(transformed, *self._sources(kept.values, lambda: grid.sources(kept())))
