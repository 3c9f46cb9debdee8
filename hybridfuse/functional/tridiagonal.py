"""Matrices that relate neighbours in a row alone: solving with them, their exponential; no loop over items."""

import torch
from jaxtyping import Float
from scipy.linalg import eigvalsh_tridiagonal
from torch import Tensor
from torch.nn.functional import pad

from hybridfuse.functional import csr

_LOST = 1e-20
"""An equation that has less than this share of others in it is solved."""


def bands(matrix: Float[Tensor, "n n"]) -> Float[Tensor, "3 n"]:
    """Of a sparse tridiagonal matrix: entries (i, i - 1), (i, i), (i, i + 1) for each row i, 0 beyond the ends."""
    rows, columns = csr.indices(matrix)
    values = matrix.values()
    return values.new_zeros(3, matrix.shape[0]).index_put((columns - rows + 1, rows), values)


def transpose(bands: Float[Tensor, "3 n"]) -> Float[Tensor, "3 n"]:
    """The bands of Tᵀ."""
    return torch.stack([_shifted(bands[2], 1), bands[1], _shifted(bands[0], -1)])


def solve(bands: Float[Tensor, "3 n"], right: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Y with T Y = right, by cyclic reduction: each of log₂ n rounds rids all equations of their nearest neighbours.

    Stable where T is triangular, or positive definite but for a scaling.

    References: Hockney (1965), A fast direct solution of Poisson's equation; Hockney, Jesshope (1981), section 5.4.
    """
    below, diagonal, above = bands
    apart = 1
    while apart < len(right):
        of_before, of_after = -below / _shifted(diagonal, apart, 1.0), -above / _shifted(diagonal, -apart, 1.0)
        right = _plus(_plus(right, of_before, right, apart), of_after, right, -apart)
        diagonal = _plus(_plus(diagonal, of_before, above, apart), of_after, below, -apart)
        below, above = of_before * _shifted(below, apart), of_after * _shifted(above, -apart)
        apart *= 2
        if not right.is_meta and float(torch.maximum(of_before.abs(), of_after.abs()).max()) < _LOST:
            break
    return right / diagonal[:, None]


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


def _shifted(values: Tensor, by: int, fill: float = 0.0) -> Tensor:
    """What stands `by` places before each number, behind it if negative; `fill` beyond the ends."""
    return pad(values[:-by], (by, 0), value=fill) if by > 0 else pad(values[-by:], (0, -by), value=fill)


def _plus(values: Tensor, factors: Tensor, others: Tensor, by: int) -> Tensor:
    """values + factors · what stands `by` places before in others."""
    factors = factors.reshape(-1, *[1] * (values.ndim - 1))
    if by > 0:
        return torch.cat([values[:by], torch.addcmul(values[by:], factors[by:], others[:-by])])
    return torch.cat([torch.addcmul(values[:by], factors[:by], others[-by:]), values[by:]])
