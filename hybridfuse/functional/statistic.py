"""Statistical dependence between items, whose features are the observations."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import lag, precision, rank, scale
from hybridfuse.functional.summary import Moments, Softmaxes

# Below this, 1 − ρ² has lost digits to cancellation.
_CANCELLED = 1e-2
_BLOCK = 1 << 22


def standardised(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items less their mean, divided by their norm; a constant item becomes zero."""
    centred = scale.centre(items)
    squared = torch.linalg.vecdot(centred, centred)
    return centred / torch.where(squared > 0, squared, 1.0).sqrt()[:, None]


def correlation(standard: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Pearson correlation of standardised items; a constant item correlates 0 with all others and 1 with itself."""
    return _bounded(standard @ standard.mT)


def correlation_of_moments(moments: Moments) -> Float[Tensor, "n n"]:
    """The same from moments."""
    squared = moments.products.diagonal()
    squared = torch.where(squared > 0, squared, 1.0)
    # One root of a product, so that items that are the same correlate exactly 1.
    return _bounded(moments.products / (squared[:, None] * squared).sqrt_())


@precision.full
def spearman_correlation(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Pearson correlation of average ranks."""
    return correlation(standardised(rank.average(items)))


@precision.full
def cross_correlation(items: Float[Tensor, "n d"], lags: int) -> Float[Tensor, "n n"]:
    """Largest product of standardised items over lags."""
    return _bounded(lag.largest_product(standardised(items), lags))


def _bounded(matrix: Tensor) -> Tensor:
    """Rounding beyond ±1 removed in place, where it is no matter of the gradient; 1 on the diagonal."""
    with torch.no_grad():
        matrix.clamp_(-1.0, 1.0)
    matrix.diagonal().fill_(1.0)
    return matrix


def mutual_information(
    correlation: Float[Tensor, "n n"], standard: Float[Tensor, "n d"] | None = None
) -> Float[Tensor, "n n"]:
    r"""$-\frac{1}{2} \log(1 - \rho^2)$, $\rho^2$ at most 1 − eps; precise near 1 where standardised items are given."""
    unexplained = torch.addcmul(correlation.new_ones(()), correlation, correlation, value=-1.0)
    unexplained.diagonal().fill_(1.0)
    if standard is not None:
        unexplained = _corrected(unexplained, correlation.detach(), standard.detach())
    eps = torch.finfo(unexplained.dtype).eps
    information = unexplained.clamp_min_(eps).log_().mul_(-0.5)
    information.diagonal().fill_(-0.5 * math.log(eps))
    return information


def _corrected(unexplained: Tensor, correlation: Tensor, standard: Tensor) -> Tensor:
    """1 − ρ² where it has cancelled, from the difference of the two items; the gradient needs no correction."""
    rough = unexplained.detach()
    some = torch.nonzero(rough.amin(dim=1) < _CANCELLED).squeeze(1)
    of_some, columns = torch.nonzero(rough[some] < _CANCELLED, as_tuple=True)
    for i, j in _upper_pairs(some[of_some], columns, max(_BLOCK // standard.shape[1], 1)):
        apart = (standard[i] - standard[j] * correlation[i, j].sign().unsqueeze(1)).square_().sum(dim=1)
        off = apart * (1.0 - apart / 4.0) - rough[i, j]
        unexplained = unexplained.index_put_((i, j), off, accumulate=True)
        unexplained = unexplained.index_put_((j, i), off, accumulate=True)
    return unexplained


def _upper_pairs(rows: Tensor, columns: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs i < j, so many at a time."""
    upper = rows < columns
    return zip(rows[upper].split(size), columns[upper].split(size), strict=True)


def kl_divergence(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Kullback-Leibler divergence of the softmax of an item from that of another, by one GEMM."""
    logarithms = Softmaxes.logarithms(items)
    shares = logarithms.exp()
    entropy = torch.linalg.vecdot(shares, logarithms)
    return _divergence(torch.addmm(entropy[:, None], shares, logarithms.mT, alpha=-1.0))


def kl_divergence_of_softmaxes(softmaxes: Softmaxes) -> Float[Tensor, "n n"]:
    """The same from a summary."""
    return _divergence(softmaxes.expected.diagonal()[:, None] - softmaxes.expected)


def _divergence(matrix: Tensor) -> Tensor:
    """Rounding below 0 removed in place, where it is no matter of the gradient; 0 on the diagonal."""
    with torch.no_grad():
        matrix.clamp_min_(0.0)
    matrix.diagonal().fill_(0.0)
    return matrix


def check_observations(name: str, count: int) -> None:
    """ValueError where an item has fewer than 2 observations."""
    if count < 2:
        raise ValueError(
            f"{name} needs at least 2 observations of an item, got {count}; "
            "on the attribute axis these are the rows of a batch."
        )
