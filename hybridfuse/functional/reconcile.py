"""Matrices made of few parameters, and products with them that never build them."""

import functools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import side_by_side

LARGE = 1 << 17
"""Entries of a matrix from which on it matters how the memory of a product is read."""
FEW = 16


def chained(matrices: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, "_ _"]:
    """The product of matrices in the order that takes the fewest multiplications."""
    if len(matrices) <= 2:
        return matrices[0] if len(matrices) == 1 else matrices[0] @ matrices[1]
    if torch.compiler.is_exporting():
        return _from_data(matrices)
    large = max(matrix.numel() for matrix in matrices) > LARGE
    return _in_order(list(matrices)) if large else torch.linalg.multi_dot(list(matrices))


def _in_order(matrices: list[Tensor]) -> Tensor:
    if len(matrices) == 1:
        return matrices[0]
    _, cut = _cheapest((matrices[0].shape[0], *(matrix.shape[1] for matrix in matrices)))
    return _times(_in_order(matrices[:cut]), _in_order(matrices[cut:]))


@functools.lru_cache(maxsize=1024)
def _cheapest(sizes: tuple[int, ...]) -> tuple[int, int]:
    """The fewest multiplications of a product of matrices of such rows and columns, and where it is cut at last."""
    if len(sizes) == 2:
        return 0, 0
    return min(
        (_cheapest(sizes[: cut + 1])[0] + _cheapest(sizes[cut:])[0] + sizes[0] * sizes[cut] * sizes[-1], cut)
        for cut in range(1, len(sizes) - 1)
    )


def _times(left: Tensor, right: Tensor) -> Tensor:
    """By the transposes where few columns meet a matrix that is read by columns: that takes a tenth of the time."""
    if right.shape[1] <= FEW and left.mT.is_contiguous():
        return (right.mT @ left.mT).mT
    return left @ right


def _from_data(matrices: Sequence[Tensor]) -> Tensor:
    """The same where the rows of a batch are unknown, as in a network that is exported: from the end that has them."""
    if isinstance(matrices[-1].shape[1], int):  # pyright: ignore[reportUnnecessaryIsInstance]
        return functools.reduce(torch.matmul, matrices)
    return functools.reduce(lambda right, left: left @ right, reversed(matrices))


def kronecker(outer: Float[Tensor, "p q"], inner: Float[Tensor, "s t"]) -> Float[Tensor, "p*s q*t"]:
    r"""$A \otimes B$: entry [(i s + k), (j t + l)] is A_ij B_kl."""
    return torch.kron(outer, inner)


def kronecker_times(
    outer: Float[Tensor, "p q"], inner: Float[Tensor, "s t"], items: Float[Tensor, "q*t e"]
) -> Float[Tensor, "p*s e"]:
    r"""$(A \otimes B) X$ by two small products, in the memory order of X, so that X is not copied."""
    (p, q), (s, t) = outer.shape, inner.shape
    if items.is_contiguous():
        mapped = outer @ items.reshape(q, -1)
        return (inner @ mapped.reshape(p, t, -1)).reshape(p * s, -1)
    mapped = items.mT.reshape(-1, t) @ inner.mT
    return (outer @ mapped.reshape(-1, q, s)).reshape(-1, p * s).mT


def kronecker_beside(
    parts: Sequence[Float[Tensor, "n _"]],
    outer: Sequence[Float[Tensor, "_ _"]],
    inner: Sequence[Float[Tensor, "_ _"]],
) -> Float[Tensor, "n _"]:
    r"""$[X_1 \ldots X_k] (A \otimes B)^\top$ for products A and B of factors; the columns of B divide each width."""
    n, (t, *last) = len(parts[0]), (inner[-1].shape[1], *inner[:-1])
    pieces = [side_by_side.times([part.reshape(-1, t)], inner[-1]).reshape(n, -1, len(inner[-1])) for part in parts]
    mapped = torch.cat(pieces, dim=1)
    for factor in reversed(outer):
        mapped = torch.bmm(factor.expand(n, *factor.shape), mapped) if not last else (mapped.mT @ factor.mT).mT
    for factor in reversed(last):
        mapped = side_by_side.spread(mapped.reshape(-1, factor.shape[1]), factor.mT)
    return mapped.reshape(n, -1)


def divisors(number: int) -> list[int]:
    """Whole numbers that divide a positive one, from the smallest."""
    small = [divisor for divisor in range(1, int(number**0.5) + 1) if number % divisor == 0]
    return sorted({*small, *(number // divisor for divisor in small)})


def middle_divisor(number: int) -> int:
    """The divisor that is nearest to the square root; the smaller of two."""
    return min(divisors(number), key=lambda divisor: abs(divisor - number**0.5))


def factor_std(std: float, rank: int) -> float:
    """Standard deviation of the entries of L (_, rank) and R (rank, _) such that those of L R have the given one."""
    return (std / rank**0.5) ** 0.5
