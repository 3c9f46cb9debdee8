"""Statistical dependence between items, whose features are the observations."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import lag, precision, rank, scale
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Moments, Softmaxes

# Below this, 1 − ρ² has lost digits to cancellation.
_CANCELLED = 1e-2
_BLOCK = 1 << 22


def standardised(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items less their mean, divided by their norm; a constant item becomes zero."""
    centred = scale.centre(items)
    squared = torch.linalg.vecdot(centred, centred)
    return centred / torch.where(squared > 0, squared, 1.0).sqrt()[:, None]


def correlation(standard: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    """Pearson correlation of standardised items; a constant item correlates 0 with all others and 1 with itself."""
    return _bounded(pairs.inner_products(standard), pairs)


def correlation_of_moments(moments: Moments) -> Float[Tensor, "n n"]:
    """The same from moments."""
    squared = moments.products.diagonal()
    squared = torch.where(squared > 0, squared, 1.0)
    # One root of a product, so that items that are the same correlate exactly 1.
    return _bounded(moments.products / (squared[:, None] * squared).sqrt_())


@precision.full
def spearman_correlation(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    """Pearson correlation of average ranks."""
    return correlation(standardised(rank.average(items)), pairs)


@precision.full
def cross_correlation(items: Float[Tensor, "n d"], lags: int) -> Float[Tensor, "n n"]:
    """Largest product of standardised items over lags."""
    return _bounded(lag.largest_product(standardised(items), lags))


def _bounded(values: Tensor, pairs: Pairs = ALL) -> Tensor:
    """Rounding beyond ±1 removed in place, where it is no matter of the gradient; 1 on the diagonal."""
    with torch.no_grad():
        values.clamp_(-1.0, 1.0)
    pairs.set_diagonal(values, values.new_ones(()))
    return values


def mutual_information(
    correlation: Float[Tensor, "*pairs"], standard: Float[Tensor, "n d"] | None = None, pairs: Pairs = ALL
) -> Float[Tensor, "*pairs"]:
    r"""$-\frac{1}{2} \log(1 - \rho^2)$, $\rho^2$ at most 1 − eps; precise near 1 where standardised items are given."""
    unexplained = torch.addcmul(correlation.new_ones(()), correlation, correlation, value=-1.0)
    pairs.set_diagonal(unexplained, unexplained.new_ones(()))
    if standard is not None:
        unexplained = _corrected(unexplained, correlation.detach(), standard.detach(), pairs)
    eps = torch.finfo(unexplained.dtype).eps
    information = unexplained.clamp_min_(eps).log_().mul_(-0.5)
    pairs.set_diagonal(information, information.new_tensor(-0.5 * math.log(eps)))
    return information


def _corrected(unexplained: Tensor, correlation: Tensor, standard: Tensor, pairs: Pairs) -> Tensor:
    """1 − ρ² where it has cancelled, from the difference of the two items; the gradient needs no correction."""
    rough = unexplained.detach()
    for i, j, places in pairs.below(rough, _CANCELLED, max(_BLOCK // standard.shape[1], 1)):
        apart = (standard[i] - standard[j] * correlation[places[0]].sign().unsqueeze(1)).square_().sum(dim=1)
        off = apart * (1.0 - apart / 4.0) - rough[places[0]]
        for place in places:
            unexplained = unexplained.index_put_(place, off, accumulate=True)
    return unexplained


def kl_divergence(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    """Kullback-Leibler divergence of the softmax of an item from that of another, by one product."""
    # Softmaxes along a stride take twice as long as those of a copy.
    logarithms = Softmaxes.logarithms(items.contiguous())
    shares = logarithms.exp()
    entropy = torch.linalg.vecdot(shares, logarithms)
    return _divergence(pairs.less_products(entropy, shares, logarithms), pairs)


def kl_divergence_of_softmaxes(softmaxes: Softmaxes) -> Float[Tensor, "n n"]:
    """The same from a summary."""
    return _divergence(softmaxes.expected.diagonal()[:, None] - softmaxes.expected)


def _divergence(values: Tensor, pairs: Pairs = ALL) -> Tensor:
    """Rounding below 0 removed in place, where it is no matter of the gradient; 0 on the diagonal."""
    with torch.no_grad():
        values.clamp_min_(0.0)
    pairs.set_diagonal(values, values.new_zeros(()))
    return values


def check_observations(name: str, count: int) -> None:
    """ValueError where an item has fewer than 2 observations."""
    if count < 2:
        raise ValueError(
            f"{name} needs at least 2 observations of an item, got {count}; "
            "on the attribute axis these are the rows of a batch."
        )
