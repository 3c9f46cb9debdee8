"""Statistical dependence between items, whose features are the observations."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import lag, precision, rank, scale
from hybridfuse.functional.differentiable import Function, transforms_active
from hybridfuse.functional.pairs import ALL, Pairs
from hybridfuse.functional.summary import Moments, Softmaxes

# Below this, 1 − ρ² has lost digits to cancellation.
_CANCELLED = 1e-2
_BLOCK = 1 << 22


def standardised(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items less their mean, divided by their norm; a constant item becomes zero."""
    return _of_any_size(items) if transforms_active() else _Standardised.apply(items)


class _Standardised(Function):
    """Differentiable any number of times, from what it is given and what it gives."""

    @staticmethod
    def forward(items: Tensor) -> Tensor:
        centred = _less_mean(items)
        squared = torch.linalg.vecdot(centred, centred)
        if scale.far_from_extremes(squared):
            return centred.div_(squared.sqrt_()[:, None])
        return _of_any_size(items)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        items, standard = ctx.saved_tensors
        norms = torch.linalg.vecdot(standard, _less_mean(items))
        along = torch.linalg.vecdot(standard, grads[0])[:, None]
        slopes = grads[0] - standard * along
        if scale.far_from_extremes(norms.detach().square()):
            slopes = slopes / norms[:, None]
        else:
            norms = torch.linalg.vecdot(standard, scale.centre(items))[:, None]
            slopes = slopes / torch.where(norms > 0, norms, 1.0) / scale.magnitude(items)
        return slopes - slopes.mean(dim=1, keepdim=True)


def _less_mean(items: Tensor) -> Tensor:
    """Exactly zero for a constant item; the first feature is subtracted first, so that an offset costs no precision."""
    shifted = items - items[:, :1]
    return shifted.sub_(shifted.mean(dim=1, keepdim=True))


def _of_any_size(items: Tensor) -> Tensor:
    """By operations that torch differentiates."""
    centred = scale.centre(items)
    squared = torch.linalg.vecdot(centred, centred)
    return centred / torch.where(squared > 0, squared, 1.0).sqrt()[:, None]


def correlation(standard: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    """Pearson correlation of standardised items; a constant item correlates 0 with all others and 1 with itself."""
    return pairs.cosines(standard)


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


def _bounded(values: Tensor) -> Tensor:
    """Rounding beyond ±1 removed in place, where it is no matter of the gradient; 1 on the diagonal."""
    with torch.no_grad():
        values.clamp_(-1.0, 1.0)
    values.diagonal().fill_(1.0)
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
    if torch.compiler.is_exporting():
        return torch.where(unexplained < _CANCELLED, _unexplained(correlation, standard), unexplained)
    rough = unexplained.detach()
    for i, j, places in pairs.below(rough, _CANCELLED, max(_BLOCK // standard.shape[1], 1)):
        apart = (standard[i] - standard[j] * correlation[places[0]].sign().unsqueeze(1)).square_().sum(dim=1)
        off = apart * (1.0 - apart / 4.0) - rough[places[0]]
        for place in places:
            unexplained = unexplained.index_put_(place, off, accumulate=True)
    return unexplained


def _unexplained(correlation: Tensor, standard: Tensor) -> Tensor:
    """The same of all pairs, whatever has cancelled."""
    exact = "donot_use_mm_for_euclid_dist"
    apart, sums = (torch.cdist(standard, sign * standard, compute_mode=exact) for sign in (1.0, -1.0))
    squared = torch.where(correlation > 0, apart, sums).square()
    return squared * (1.0 - squared / 4.0)


def kl_divergence(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    """Kullback-Leibler divergence of the softmax of an item from that of another, by one product."""
    logarithms = Softmaxes.logarithms(items)
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
