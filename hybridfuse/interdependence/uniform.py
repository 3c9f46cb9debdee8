from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.uniform_base import UniformBase


class Uniform(UniformBase):
    r"""Relates all items to all others equally.

    $$A_{ij} = value$$

    In {value}. Every output is the sum of all items, times the value.

    Args:
        value: the entry. Any finite number.
        p: columns of A. At least 1; by default as many as items.

    Raises:
        ValueError: if value is not finite, or p is below 1.

    References: RPN 2 (2024), arXiv 2411.11162, constant interdependence.
    """

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        value: float = 1.0,
        p: int | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type, value, p)
