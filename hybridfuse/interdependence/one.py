from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.uniform_base import UniformBase


class One(UniformBase):
    r"""Relates all items to all others with weight 1.

    $$A_{ij} = 1$$

    In {1}. Every output is the sum of all items.

    Args:
        p: columns of A. At least 1; by default as many as items.

    Raises:
        ValueError: if p is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, constant interdependence.
    """

    def __init__(
        self, b: int, m: int, interdependence_type: InterdependenceType = "attribute", p: int | None = None
    ) -> None:
        super().__init__(b, m, interdependence_type, 1.0, p)
