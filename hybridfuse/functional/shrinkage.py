"""Covariance shrunk towards a multiple of the identity, and what is left of correlation once all others are known."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import precision, scale
from hybridfuse.functional.differentiable import Function
from hybridfuse.functional.summary import FourthMoments


class _Inverse(Function):
    """Inverse of a symmetric positive definite matrix, by one Cholesky factorisation; its gradient by two products."""

    @staticmethod
    def forward(matrix: Tensor) -> Tensor:
        # By a product of triangles, at half of the time of torch.cholesky_inverse, and symmetric to the last digit.
        root = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
        torch.linalg.solve_triangular(torch.linalg.cholesky_ex(matrix).L, root, upper=False, out=root)
        return root.mT @ root

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        return -(inverse @ grads[0] @ inverse)


def partial_correlation(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    r"""Partial correlation from the shrunk covariance, by way of the products of features where these are fewer.

    With centred items $C$ and $W = w\,C C^\top$: $(I + W)^{-1} = I - w\,C (I + w\,C^\top C)^{-1} C^\top$.
    """
    n, d = items.shape
    if d >= n:
        return partial_correlation_of_moments(FourthMoments.of(items))
    wide = precision.widest(items)
    centred = scale.centre(wide, scale.common_divisor(items).to(wide))
    squares = centred.square().sum(dim=0)
    products = centred.mT @ centred
    share, unit = shrinkage(squares.sum(), products.square().sum(), squares.square().sum(), n, d)
    weight = (1.0 - share) / (share * unit)
    inner = products * weight
    inner.diagonal().add_(1.0)
    inverse = (centred * -weight) @ _inverse(inner) @ centred.mT
    inverse.diagonal().add_(1.0)
    return _partial(inverse)


def partial_correlation_of_moments(moments: FourthMoments) -> Float[Tensor, "n n"]:
    """The same from moments."""
    products = moments.products
    trace, squared = products.diagonal().sum(), products.square().sum()
    share, unit = shrinkage(trace, squared, moments.quartic, len(products), moments.observations)
    shrunk = products * ((1.0 - share) / unit)
    shrunk.diagonal().add_(share)
    return _partial(_inverse(shrunk))


def shrinkage(
    trace: Float[Tensor, ""], squared: Float[Tensor, ""], quartic: Float[Tensor, ""], n: int, observations: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    r"""The share of the identity in $(1 - s) S / \mu + s I$, $\mu$ the mean variance; and $\mu$ times the observations.

    From trace and sum of squares of centred products, and the sum of the fourth powers of the norms of observations.
    At least the root of eps, so that the inverse is as precise as that; 1 where nothing varies.

    References: Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, section 3.
    """
    eps = torch.finfo(trace.dtype).eps
    trace = torch.where(trace.square() > 0, trace, 1.0)
    apart = n * squared / trace.square()
    distance = apart - 1.0
    variance = (n * quartic / trace.square() - apart / observations).clamp_min(0.0)
    varies = distance > n * eps
    share = torch.where(varies, torch.minimum(variance, distance) / torch.where(varies, distance, 1.0), 1.0)
    return share.clamp_min(eps**0.5), trace / n


def _inverse(matrix: Tensor) -> Tensor:
    return _Inverse.apply(matrix)  # pyright: ignore[reportReturnType]


def _partial(inverse: Tensor) -> Tensor:
    """Off the diagonal of an inverse covariance, scaled by the diagonal, with the other sign."""
    diagonal = inverse.diagonal()
    roots = torch.where(diagonal > 0, diagonal, 1.0).sqrt()
    matrix = inverse / (-roots[:, None] * roots)
    with torch.no_grad():
        matrix.clamp_(-1.0, 1.0)
    matrix.diagonal().fill_(1.0)
    return matrix
