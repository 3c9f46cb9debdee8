from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import layout
from hybridfuse.interdependence.base import InterdependenceType
from hybridfuse.interdependence.structural import Structural


class Constant(Structural):
    r"""Relates items by a matrix that is given.

    $$A = M$$

    As dense or sparse as M is. In (-∞, ∞).

    Args:
        matrix: M, a list of n rows of p numbers each, or a tensor.

    Raises:
        ValueError: if there is no matrix, its rows are not as many as items or not of one length, or an entry is not
            finite.

    References: RPN 2 (2024), arXiv 2411.11162, constant interdependence.
    """

    any_size = False
    cost = "n p d"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        matrix: Tensor | Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self._matrix = _checked(matrix, self.n)
        self.store()

    def columns(self, n: int) -> int:
        return self._matrix.shape[1]

    def structure(self, n: int) -> Float[Tensor, "n p"]:
        return self._matrix


def _checked(matrix: object, n: int) -> Float[Tensor, "n p"]:
    """The matrix in float64 on the processor, apart from the caller's."""
    if matrix is None:
        raise ValueError(f"constant needs matrix, a list of {n} rows of numbers, got none.")
    try:
        copied = torch.as_tensor(matrix, dtype=torch.float64, device="cpu").detach().clone()
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"matrix must hold {n} rows of equally many numbers, got {matrix!r}.") from error
    if copied.ndim != 2 or copied.shape[0] != n or not copied.shape[1]:
        raise ValueError(f"matrix must have {n} rows of numbers, one for each item, got shape {tuple(copied.shape)}.")
    copied = layout.compressed(copied)
    if not (copied.values() if layout.is_sparse(copied) else copied).isfinite().all():
        raise ValueError("matrix must hold finite numbers, got others.")
    return copied
