"""Relations of the cells of a grid."""

import math
from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import patch
from hybridfuse.functional.patch import Axes, Patch
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess

AXES = ("height", "width", "depth")
Given = tuple[int | None, int | None, int | None]


class GeometricBase(Structural):
    """Items are the cells of a grid, one channel after the other; around some of them, the centres, lie patches.

    Cell (i, j, k) of channel u is item k + depth (j + width (i + height u)). A class derives from two bases: one of
    the shape of its patches, such as `CuboidBase`, and `PaddingBase` or `AggregationBase`. The first cell is a
    centre; a packing says how far it is to the next along each axis, and one called `complete_…` takes no larger
    steps than leave every cell in some patch.

    Args:
        height: cells of the grid along its first axis; by default as many as make up all items.
        width: cells along its second axis.
        depth: cells along its third axis.
        channels: grids of this size, one after the other.
        step_height: cells from one centre to the next along the height, in place of the packing's. At least 1.
        step_width: the same along the width.
        step_depth: the same along the depth.
        normalization: applied to A at the end, such as `hybridfuse.postprocess.Column`; none by default.

    Raises:
        ValueError: if the cells of all channels are not as many as the items, a size or a step is below 1, or the
            packing is none of these patches.
    """

    any_size = False
    sparse = True

    @abstractmethod
    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType,
        grid: tuple[int | None, int, int, int],
        normalization: Postprocess | None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        height, width, depth, channels = grid
        self.channels = check.whole("channels", channels)
        self.extents = self._extents(height, check.whole("width", width), check.whole("depth", depth))
        self.normalization = normalization

    @property
    def centres(self) -> Axes:
        """How many centres there are along each axis."""
        return patch.centres(self.extents, self.steps)

    @abstractmethod
    def assembled(self) -> Float[Tensor, "n p"]:
        """A before it is normalised."""

    def structure(self, n: int) -> Float[Tensor, "n p"]:
        matrix = self.assembled()
        return matrix if self.normalization is None else self.normalization(matrix)

    def lay(self, one: Patch, packing: str, given: Given) -> None:
        """Lays patches like one on the grid, with the given steps where there are any, and computes A."""
        packed = patch.steps(one, self.extents, check.choice("packing", packing, one.packings))
        height, width, depth = (
            step if own is None else check.whole(f"step_{axis}", own)
            for axis, own, step in zip(AXES, given, packed, strict=True)
        )
        self.steps: Axes = (height, width, depth)
        self.offsets = patch.offsets(one)
        self.store()

    def _extents(self, height: int | None, width: int, depth: int) -> Axes:
        across = width * depth * self.channels
        if height is None and self.n % across:
            raise ValueError(
                f"width × depth × channels must divide the {self.n} items, "
                f"got {width} × {depth} × {self.channels} = {across}."
            )
        height = self.n // across if height is None else check.whole("height", height)
        if height * across != self.n:
            raise ValueError(
                f"height × width × depth × channels must be {self.n}, the number of items, "
                f"got {height} × {width} × {depth} × {self.channels} = {height * across}."
            )
        return height, width, depth


def half_width(name: str, value: object, axis: str, extent: int) -> int:
    """A half-width of a patch, within the grid."""
    half = check.whole(name, value, least=0)
    if half >= extent:
        raise ValueError(f"{name} must be < the grid's {axis} {extent}, got {half}.")
    return half


def span(axis: str, before: int, after: int | None, extent: int) -> tuple[int, int]:
    """How far a patch reaches before and after its centre along an axis; as far after as before by default."""
    first = half_width(f"patch_{axis}", before, axis, extent)
    return first, first if after is None else half_width(f"patch_{axis}_after", after, axis, extent)


def checked_radius(radius: object, extents: tuple[int, ...]) -> float:
    """A radius within the grid, as far as that is longer than a cell."""
    value = check.positive("radius", radius)
    for axis, extent in zip(AXES, extents, strict=False):
        if extent > 1 and math.floor(value) >= extent:
            raise ValueError(f"radius must be < the grid's {axis} {extent}, got {radius}.")
    return value
