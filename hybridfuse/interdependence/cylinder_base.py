"""Patches that are discs of cells, one or several deep."""

from hybridfuse.functional import patch
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.geometric_base import GeometricBase, checked_radius, span
from hybridfuse.postprocess.base import Postprocess


class CylinderBase(GeometricBase):
    """Patches are discs of height and width, one or several cells deep; flat where the grid is one cell long.

    Args:
        radius: of the disc, in cells. Above 0.
        patch_depth: cells before the centre along the depth. At least 0.
        patch_depth_after: cells after it; by default as many as before it.
        packing: the steps from centre to centre: densest_packing (every cell), or, in radii along height and width and
            in means of the cells before and after a centre along depth, sparse_square (2, 2, 2), complete_square
            (√2, √2, 2), sparse_hexagonal (√3, 2, 2), complete_hexagonal (3/2, √3, 2), dense_hexagonal (√6/2, √2, 1) or
            denser_hexagonal (√3/2, 1, 1); those of `complete_…` are less where a cell would be left out.

    Raises:
        ValueError: if the radius is not above 0, a half-width is below 0, or either is not below the grid's extent.
    """

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        height: int | None = None,
        width: int = 1,
        depth: int = 1,
        channels: int = 1,
        radius: float = 1.0,
        patch_depth: int = 0,
        patch_depth_after: int | None = None,
        packing: str = "densest_packing",
        step_height: int | None = None,
        step_width: int | None = None,
        step_depth: int | None = None,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, (height, width, depth, channels), normalization)
        radius = checked_radius(radius, self.extents[:2])
        before, after = span("depth", patch_depth, patch_depth_after, self.extents[2])
        one = patch.cylinder(self.extents, radius, before, after)
        self.lay(one, packing, (step_height, step_width, step_depth))
