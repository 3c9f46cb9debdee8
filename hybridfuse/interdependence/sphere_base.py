"""Patches that are balls of cells."""

from hybridfuse.functional import patch
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.geometric_base import GeometricBase, checked_radius
from hybridfuse.postprocess.base import Postprocess


class SphereBase(GeometricBase):
    """Patches are balls; flat where the grid is one cell long.

    Args:
        radius: of the ball, in cells. Above 0.
        packing: the steps from centre to centre: densest_packing (every cell), or, in radii along height, width and
            depth, sparse_simple_cubic (2, 2, 2), complete_simple_cubic (2√3/3, 2√3/3, 2√3/3), dense_simple_cubic
            (1, 1, 1), sparse_face_centered_cubic (2, √3, 2√6/3), complete_face_centered_cubic (√2, 2√6/3, 4/3),
            dense_face_centered_cubic (1, 1, 1), sparse_hexagonal (2, 2, √6), complete_hexagonal (2√3/3, 2√3/3, 1) or
            dense_hexagonal (1, 1, 1); those of `complete_…` are less where a cell would be left out.

    Raises:
        ValueError: if the radius is not above 0, or not below the grid's extent.
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
        packing: str = "densest_packing",
        step_height: int | None = None,
        step_width: int | None = None,
        step_depth: int | None = None,
        normalization: Postprocess | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, (height, width, depth, channels), normalization)
        radius = checked_radius(radius, self.extents)
        self.lay(patch.sphere(self.extents, radius), packing, (step_height, step_width, step_depth))
