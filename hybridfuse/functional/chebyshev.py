"""Functions of a symmetric matrix with eigenvalues in [-1, 1], by sums of Chebyshev polynomials."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import ive
from torch import Tensor


def decay(time: float, precision: float) -> list[float]:
    r"""Coefficients of $\exp(-t (1 - s))$, as many as matter: $I_0(t) e^{-t}$, then $2 I_k(t) e^{-t}$.

    What is left out adds up to less than the precision.

    References: Abramowitz, Stegun (1964), Handbook of mathematical functions, 9.6.34.
    """
    # Coefficients fall like a Gaussian of width √t, then faster than any power: 8.4 √t of them are enough.
    enough = int(30 + 9 * time**0.5)
    coefficients = ive(np.arange(enough), time) * np.where(np.arange(enough) == 0, 1.0, 2.0)
    left = np.cumsum(coefficients[::-1])[::-1]
    return coefficients[: max(int(np.sum(left > precision / 4)), 1)].tolist()


def evaluate(
    coefficients: Sequence[float], matrix: Float[Tensor, "n n"], items: Float[Tensor, "n d"]
) -> Float[Tensor, "n d"]:
    """The sum of c_k T_k(S) Z, in place: one product for each coefficient but the first."""
    total = coefficients[0] * items
    before, now = items, matrix @ items if len(coefficients) > 1 else items
    for number, coefficient in enumerate(coefficients[1:], start=1):
        if number > 1:
            spare = torch.empty_like(before) if number == 2 else before
            before, now = now, torch.addmm(before, matrix, now, beta=-1.0, alpha=2.0, out=spare)
        total.add_(now, alpha=coefficient)
    return total
