from hybridfuse.interdependence.cylinder_base import CylinderBase
from hybridfuse.interdependence.padding_base import PaddingBase


class GridCylinderPadding(CylinderBase, PaddingBase):
    r"""Lays the cells of a cylinder around each centre of a grid side by side.

    $$A_{ij} = [i = \text{cell } c_l + o_k \text{ of channel } u], \quad j = (l\,C + u)\,s + k$$

    In {0, 1} before a normalization. Sparse. L centres c_l, in steps of the packing, s offsets o_k of a disc and C
    channels make L C s columns; that of a cell outside of the grid is zero. A grid of one cell: A = (1). Grid,
    packing and patch are told as `GeometricBase` and `CylinderBase` say.

    References: RPN 2 (2024), arXiv 2411.11162, geometric interdependence, cylinder patches, padding.
    """
