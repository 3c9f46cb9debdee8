from hybridfuse.interdependence.aggregation_base import AggregationBase
from hybridfuse.interdependence.cylinder_base import CylinderBase


class GridCylinderAggregation(CylinderBase, AggregationBase):
    r"""Sums the cells of a cylinder around each centre of a grid.

    $$A_{ij} = \sum_k [i = \text{cell } c_l + o_k \text{ of channel } u], \quad j = l\,C + u$$

    In {0, 1} before a normalization. Sparse. L centres c_l, in steps of the packing, and C channels make L C
    columns; o_k are the offsets of a disc. A grid of one cell: A = (1). Grid, packing and patch are told as
    `GeometricBase` and `CylinderBase` say.

    References: RPN 2 (2024), arXiv 2411.11162, geometric interdependence, cylinder patches, aggregation.
    """
