"""Matrices that relate neighbours in a row alone: solving with them, their exponential; no loop over items."""

import torch
from jaxtyping import Float
from scipy.linalg import eigvalsh_tridiagonal
from torch import Tensor
from torch.nn.functional import pad

from hybridfuse.functional import csr, precision

_BLOCK = 32
"""Rows that are solved for as a dense matrix."""


def bands(matrix: Float[Tensor, "n n"]) -> Float[Tensor, "3 n"]:
    """Of a sparse tridiagonal matrix: entries (i, i - 1), (i, i), (i, i + 1) for each row i, 0 beyond the ends."""
    rows, columns = csr.indices(matrix)
    values = matrix.values()
    return values.new_zeros(3, matrix.shape[0]).index_put((columns - rows + 1, rows), values)


def transpose(bands: Float[Tensor, "3 n"]) -> Float[Tensor, "3 n"]:
    """The bands of Tᵀ."""
    return torch.stack([_shifted(bands[2], 1), bands[1], _shifted(bands[0], -1)])


def solve(bands: Float[Tensor, "3 n"], right: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Y with T Y = right: blocks of rows follow from the last rows of all blocks, of which the system is tridiagonal.

    Stable where T is triangular, or positive definite but for a scaling. What follows from T alone is computed in
    float64, since T may be almost singular.
    """
    n, beyond = len(right), -len(right) % _BLOCK
    bands = precision.widest(bands)
    if n <= _BLOCK:
        return torch.linalg.inv(_dense(bands)).type_as(right) @ right
    blocks = pad(right, (0, 0, 0, beyond)).reshape(-1, _BLOCK, right.shape[1])
    fills = zip(bands, (0.0, 1.0, 0.0), strict=True)
    below, diagonal, above = (pad(band, (0, beyond), value=fill).reshape(-1, _BLOCK) for band, fill in fills)
    inverse = torch.linalg.inv(_dense(torch.stack([below[:, :-1], diagonal[:, :-1], above[:, :-1]])))
    alone = pad(inverse, (0, 1, 0, 1)).type_as(right) @ blocks
    # What the last row of the block before, and that of the block itself, add to the other rows.
    of_before, of_last = -inverse[:, :, 0] * below[:, :1], -inverse[:, :, -1] * above[:, -2:-1]
    to_last, to_next = below[:, -1], above[:, -1]
    between = torch.stack(
        [
            to_last * of_before[:, -1],
            diagonal[:, -1] + to_last * of_last[:, -1] + to_next * _shifted(of_before[:, 0], -1),
            to_next * _shifted(of_last[:, 0], -1),
        ]
    )
    to_last, to_next = to_last[:, None].type_as(right), to_next[:, None].type_as(right)
    last = solve(between, blocks[:, -1] - to_last * alone[:, -2] - to_next * _shifted(alone[:, 0], -1))
    added = torch.stack([pad(of_before, (0, 1)), pad(of_last, (0, 1), value=1.0)], dim=-1).type_as(right)
    return torch.baddbmm(alone, added, torch.stack([_shifted(last, 1), last], dim=1)).flatten(0, 1)[:n]


def _dense(bands: Float[Tensor, "3 *blocks n"]) -> Float[Tensor, "*blocks n n"]:
    below, diagonal, above = bands
    return diagonal.diag_embed() + below[..., 1:].diag_embed(-1) + above[..., :-1].diag_embed(1)


def spectral_radius(bands: Float[Tensor, "3 n"]) -> float:
    """The largest absolute eigenvalue; for entries of mixed sign, of the matrix of absolute entries."""
    below, diagonal, above = bands.double().cpu()
    products = above[:-1] * below[1:]
    if bool((products < 0).any()):
        return spectral_radius(bands.abs())
    if not bool(products.any()):
        return float(diagonal.abs().max())
    ends = {0, len(diagonal) - 1}  # the least and the largest one, by bisection
    found = [eigvalsh_tridiagonal(diagonal.numpy(), products.sqrt().numpy(), "i", (end, end)) for end in ends]
    return float(max(abs(value[0]) for value in found))


def exponential(bands: Float[Tensor, "3 n"]) -> Float[Tensor, "n n"]:
    """The matrix exponential, sparse: entries above the rounding of the largest one, by Taylor's series.

    The least diagonal entry is taken out first, so that terms of a matrix with positive links do not cancel.
    """
    below, diagonal, above = bands
    shift = diagonal.min()
    by_column = (_shifted(above, 1), diagonal - shift, _shifted(below, -1))
    n, eps = len(diagonal), torch.finfo(bands.dtype).eps
    terms = _terms(float(torch.stack(by_column).abs().sum(dim=0).max()), eps)
    width = min(terms, n - 1)
    left, middle, right = (pad(band, (width, width)).unfold(0, 2 * width + 1, 1) for band in by_column)
    term = pad(bands.new_ones(n, 1), (width, width))
    total = term.clone()
    for number in range(1, terms + 1):
        # The power of this number reaches that far from the diagonal.
        near = slice(max(width - number, 0), width + number + 1)
        inner, outer = slice(near.start + 1, near.stop), slice(near.start, min(near.stop, 2 * width + 1) - 1)
        power = term[:, near] * middle[:, near]
        power[:, 1:].addcmul_(term[:, outer], left[:, inner])
        power[:, :-1].addcmul_(term[:, inner], right[:, outer])
        term[:, near] = power.div_(number)
        total[:, near] += power
    total = total * shift.exp()
    rows, offsets = torch.nonzero(~(total.abs() <= eps / 2 * total.abs().max()), as_tuple=True)
    return csr.from_sorted(rows, rows + offsets - width, total[rows, offsets], (n, n))


def _terms(norm: float, eps: float) -> int:
    """Terms of Taylor's series for a matrix with this norm, until the next ones are lost in rounding."""
    number, size = 0, 1.0
    while size > eps / 4 or number < norm:
        number += 1
        size *= norm / number
    return number


def _shifted(values: Tensor, by: int) -> Tensor:
    """What stands `by` places before each number or row, behind it if negative; 0 beyond the ends."""
    within, beyond = (values[:-by], (by, 0)) if by > 0 else (values[-by:], (0, -by))
    return pad(within, (*[0] * 2 * (values.ndim - 1), *beyond))
