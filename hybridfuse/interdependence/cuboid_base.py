"""Patches that are boxes of cells."""

from hybridfuse.functional import patch
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.geometric_base import GeometricBase, span
from hybridfuse.postprocess.base import Postprocess


class CuboidBase(GeometricBase):
    """Patches are boxes of cells, centres among them.

    Args:
        patch_height: cells before the centre along the height; by default 1, or 0 in a grid one cell high. At least 0.
        patch_width: cells before it along the width; by default as patch_height, as far as the grid is wide.
        patch_depth: cells before it along the depth.
        patch_height_after: cells after the centre along the height; by default as many as before it.
        patch_width_after: cells after it along the width; by default as many as before it.
        patch_depth_after: cells after it along the depth; by default as many as before it.
        packing: the steps from centre to centre: densest_packing (every cell), or, in means of the cells before and
            after a centre, dense_square (1), complete_square (2; less where a cell would be left out) or
            sparse_square (3).

    Raises:
        ValueError: if a half-width is below 0, or not below the grid's extent.
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
        patch_height: int | None = None,
        patch_width: int | None = None,
        patch_depth: int = 0,
        patch_height_after: int | None = None,
        patch_width_after: int | None = None,
        patch_depth_after: int | None = None,
        packing: str = "densest_packing",
        step_height: int | None = None,
        step_width: int | None = None,
        step_depth: int | None = None,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, (height, width, depth, channels), normalization)
        height, width, depth = self.extents
        common = 1 if patch_height is None else patch_height
        patch_height = min(common, height - 1) if patch_height is None else patch_height
        patch_width = min(common, width - 1) if patch_width is None else patch_width
        before, after = zip(
            span("height", patch_height, patch_height_after, height),
            span("width", patch_width, patch_width_after, width),
            span("depth", patch_depth, patch_depth_after, depth),
            strict=True,
        )
        self.lay(patch.cuboid(before, after), packing, (step_height, step_width, step_depth))
