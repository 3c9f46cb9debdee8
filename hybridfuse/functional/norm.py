"""How large a matrix is, dense or sparse: a power of two, and a number near 1 to multiply it by."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import csr, layout, precision, scale

TOLERANCE = 1e-5
STEPS = 200

Norm = tuple[Float[Tensor, ""], Float[Tensor, ""]]


def frobenius(matrix: Float[Tensor, "n p"]) -> Norm:
    """The root of the sum of squares; 1 for a zero matrix."""
    values = _entries(matrix)
    magnitude = scale.common_magnitude(values.reshape(1, -1))
    scaled = values / magnitude
    return magnitude, _root(scaled.square().sum())


def spectral(matrix: Float[Tensor, "n p"]) -> Norm:
    """The largest singular value, by power iteration, with an exact gradient; 1 for a zero matrix."""
    values = _entries(matrix)
    magnitude = scale.common_magnitude(values.reshape(1, -1))
    scaled = values / magnitude
    whole = csr.with_values(matrix, scaled) if layout.is_sparse(matrix) else scaled
    with torch.no_grad(), precision.without_autocast(matrix.device):
        left, right = _singular(whole.detach())
    if layout.is_sparse(matrix):
        rows, columns = csr.indices(matrix)
        largest = (scaled * left[rows] * right[columns]).sum()
    else:
        largest = left @ (scaled @ right)
    return magnitude, torch.where(largest > 0, largest, 1.0)


def _singular(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The pair of singular vectors of the largest singular value."""
    n, p = matrix.shape
    columns = torch.arange(1, p + 1, dtype=matrix.dtype, device=matrix.device)
    right = _unit(1.0 + (12.9898 * columns).sin() / 2.0)  # not orthogonal to what one would meet
    left, known = right.new_zeros(n), 0.0
    for _ in range(STEPS):
        left = layout.times(matrix, right[:, None])[:, 0]
        largest = float(left.norm())
        left = _unit(left)
        right = _unit(layout.product(matrix, left[:, None])[:, 0])
        if abs(largest - known) <= TOLERANCE * largest:
            break
        known = largest
    return left, right


def _unit(vector: Tensor) -> Tensor:
    length = vector.norm()
    return vector / torch.where(length > 0, length, 1.0)


def _root(squares: Tensor) -> Tensor:
    present = squares > 0
    return torch.where(present, torch.where(present, squares, 1.0).sqrt(), 1.0)


def _entries(matrix: Tensor) -> Tensor:
    values = csr.values(matrix) if layout.is_sparse(matrix) else matrix
    return values.float() if values.dtype in precision.HALF else values
