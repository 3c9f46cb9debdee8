"""Any dependence between items, from how their features lie to each other: a matrix (d, d) of each item, centred.

These matrices are never held together: a block of rows of all of them is computed, used and, for the gradient, computed
again.
"""

import functools
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hybridfuse.functional import precision, rank, scale

_BLOCK = 1 << 19

Pairing = Callable[[Float[Tensor, "n k 1"], Float[Tensor, "n 1 l"]], Float[Tensor, "n k l"]]
"""Relates features of an item to others of it; symmetric, and 0 of a feature with itself."""


@precision.full
def distance_correlation(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Distance correlation, the V-statistic; a constant item has 0 with all others and 1 with itself."""
    centred = scale.centre(items)
    squared = _normalised(_centred_products(centred, _distances, rank.mean_distance(centred)))
    # The root has no slope at 0; below eps, 0 is not told from rounding.
    there = squared > torch.finfo(squared.dtype).eps
    return torch.where(there, torch.where(there, squared, 1.0).sqrt(), 0.0)


def hsic(items: Float[Tensor, "n d"], sigma: float | None = None, factor: float | Tensor = 1.0) -> Float[Tensor, "n n"]:
    """Alignment of centred Gaussian kernels on the features; sigma, or the median if it is none, times a factor."""
    points = _in_bandwidths(items, sigma, factor)
    return _normalised(_centred_products(points, _gaussians, _row_means(points, _gaussians)))


def _in_bandwidths(items: Tensor, sigma: float | None, factor: float | Tensor) -> Float[Tensor, "n d"]:
    magnitude = scale.magnitude(items)
    scaled = items / magnitude
    bandwidth = rank.median_distance(scaled) if sigma is None else sigma / magnitude
    # Beyond these bounds nothing changes any more, but squares would leave the numbers of float32.
    unit = (bandwidth * factor).clamp(2.0**-60, 2.0**10)
    # Less what is in their middle, not their mean, which one feature far away could move.
    return (scaled - rank.median(scaled)) / (unit * 2.0**0.5)


def _distances(some: Tensor, others: Tensor) -> Tensor:
    return (some - others).abs_()


def _gaussians(some: Tensor, others: Tensor) -> Tensor:
    """Less 1, which centring takes away again, so that a wide kernel keeps its digits."""
    return (some - others).square_().neg_().expm1_()


def _normalised(products: Tensor) -> Tensor:
    """Products of centred matrices divided by their norms; 1 on the diagonal."""
    squared = products.diagonal()
    roots = torch.where(squared > torch.finfo(squared.dtype).tiny, squared, 1.0).sqrt()
    matrix = products / (roots[:, None] * roots)
    with torch.no_grad():
        matrix.clamp_(0.0, 1.0)
    matrix.diagonal().fill_(1.0)
    return matrix


def _centred_products(items: Float[Tensor, "n d"], pairing: Pairing, means: Float[Tensor, "n d"]) -> Tensor:
    """Inner products (n, n) of the matrices of all items, centred, whose rows have the given means."""
    whole = means.mean(dim=1, keepdim=True)
    means = means - whole

    def of_block(total: Tensor | None, start: int, rows: int) -> Tensor:
        return _products_of_block(total, start, rows, items, pairing, means, whole)

    total = _summed(of_block, items)
    return 0.5 * (total + total.mT)  # the two halves of a GEMM may differ in their last digit


def _row_means(items: Float[Tensor, "n d"], pairing: Pairing) -> Float[Tensor, "n d"]:

    def of_block(total: Tensor | None, start: int, rows: int) -> Tensor:
        return _row_sums_of_block(total, start, rows, items, pairing)

    return _summed(of_block, items) / items.shape[1]


def _summed(of_block: Callable[[Tensor | None, int, int], Tensor], items: Tensor) -> Tensor:
    """Sum over blocks of rows from the diagonal to the right; nothing is kept of them but the sum."""
    n, d = items.shape
    rows = max(_BLOCK // (n * d), 1)
    if rows < d and items.requires_grad and torch.is_grad_enabled():
        again = functools.partial(checkpoint, of_block, use_reentrant=False, preserve_rng_state=False)
        return functools.reduce(torch.add, (again(None, start, rows) for start in range(0, d, rows)))
    total = of_block(None, 0, rows)
    for start in range(rows, d, rows):
        total = of_block(total, start, rows)
    return total


def _row_sums_of_block(total: Tensor | None, start: int, rows: int, items: Tensor, pairing: Pairing) -> Tensor:
    """What lies right of the block's own columns stands for what lies below the block, too."""
    related = pairing(items[:, start : start + rows, None], items[:, None, start:])
    own, others = related.sum(dim=2), related[:, :, rows:].sum(dim=1)
    total = torch.zeros_like(items) if total is None else total
    total[:, start : start + rows] += own
    total[:, start + rows :] += others
    return total


def _products_of_block(
    total: Tensor | None,
    start: int,
    rows: int,
    items: Tensor,
    pairing: Pairing,
    means: Tensor,
    whole: Tensor,
) -> Tensor:
    """The means of rows are relative to that of the whole."""
    related = pairing(items[:, start : start + rows, None], items[:, None, start:])
    of_rows = (means[:, start : start + rows] + whole)[:, :, None]
    centred = related - of_rows if related.requires_grad else related.sub_(of_rows)
    centred = centred.sub_(means[:, None, start:])
    right, own = centred.flatten(1), centred[:, :, :rows].flatten(1)
    total = items.new_zeros(len(items), len(items)) if total is None else total
    return total.addmm_(right, right.mT, alpha=2.0).addmm_(own, own.mT, alpha=-1.0)
