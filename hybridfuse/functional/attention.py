"""Attention between items: its matrix, and products with it in memory that grows with the items, not their square."""

import functools

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from hybridfuse.functional import csr, precision, scale

BLOCK = 1 << 22
"""Scores that are held at once."""


@precision.full
def matrix(
    items: Float[Tensor, "n d"], query: Float[Tensor, "d w"], key: Float[Tensor, "d w"], heads: int
) -> Float[Tensor, "n n"]:
    r"""Mean over heads of $softmax_{row}(Q K^\top / \sqrt{h})$ with $Q = X W_Q, K = X W_K$."""
    return _weights(*_projected(items, query, key, heads))


@precision.full
def product(
    transformed: Float[Tensor, "n e"],
    items: Float[Tensor, "n d"],
    query: Float[Tensor, "d w"],
    key: Float[Tensor, "d w"],
    heads: int,
) -> Float[Tensor, "n e"]:
    """Aᵀ Z for that matrix A, some of its rows at a time; for gradients, those rows are computed once more."""
    queries, keys = _projected(items.to(transformed.dtype), query, key, heads)
    rows = max(1, BLOCK // (heads * len(items)))
    if rows >= len(items):
        return _part(queries, keys, transformed)
    parts = (
        checkpoint(_part, some, keys, z, use_reentrant=False, preserve_rng_state=False)
        for some, z in zip(queries.split(rows, dim=1), transformed.split(rows), strict=True)
    )
    return functools.reduce(torch.add, parts)


@precision.full
def entries(
    items: Float[Tensor, "n d"],
    query: Float[Tensor, "d w"],
    key: Float[Tensor, "d w"],
    heads: int,
    pattern: Float[Tensor, "n n"],
) -> Float[Tensor, " z"]:
    """A where a sparse matrix has entries; sums over rows some of them at a time, computed again for gradients."""
    queries, keys = _projected(items, query, key, heads)
    size, rows = max(1, BLOCK // len(items)), csr.indices(pattern)[0]
    total = items.new_zeros(len(rows))
    for q, k in zip(queries, keys, strict=True):
        sums = torch.cat([checkpoint(_log_sums, some, k, use_reentrant=False) for some in q.split(size)])
        total = total + (csr.products(pattern, q, k) - sums[rows]).exp()
    return total / heads


def _log_sums(queries: Tensor, keys: Tensor) -> Tensor:
    """Logarithms of the sums that a softmax over rows divides by."""
    return (queries @ keys.mT).logsumexp(dim=1)


def _projected(items: Tensor, query: Tensor, key: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Queries, scaled, and keys: (heads, n, h)."""
    bounded = scale.bounded(items)
    queries, keys = (
        (bounded @ weight.to(items.dtype)).unflatten(1, (heads, -1)).transpose(0, 1) for weight in (query, key)
    )
    return queries / keys.shape[2] ** 0.5, keys


def _weights(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries @ keys.mT).softmax(dim=2).mean(dim=0)


def _part(queries: Tensor, keys: Tensor, transformed: Tensor) -> Tensor:
    return _weights(queries, keys).mT @ transformed
