"""Inner products and distances of linked items, and their gradients, some links at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hybridfuse.functional import csr, gram
from hybridfuse.functional.differentiable import Function

_BLOCK = 1 << 18
"""Differences that are held at once."""

Links = tuple[Int[Tensor, " z"], Int[Tensor, " z"]]


class Distance(ABC):
    """A distance of two items; its gradient is antisymmetric but for a factor of each entry."""

    def prepared(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """What `between` and `direction` see of the items."""
        return items

    def factor(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"] | float:
        """By what the sum of directions is multiplied."""
        return 1.0

    @abstractmethod
    def everywhere(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """The distances of all pairs of items, differentiable twice."""

    @abstractmethod
    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        """Distances of prepared items."""

    @abstractmethod
    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        """Weights, symmetric, and vectors, antisymmetric, whose product times `factor` is the gradient to `first`."""


def distances(items: Float[Tensor, "n d"], links: Links, distance: Distance) -> Float[Tensor, " z"]:
    """Of linked items, at most the largest finite number of the dtype."""
    return _Distances.apply(items, links, distance)  # pyright: ignore[reportReturnType]


def inner_products(items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
    """Where a sparse matrix has entries, at most the largest finite number of the dtype."""
    return _InnerProducts.apply(items, pattern)  # pyright: ignore[reportReturnType]


def blocks(links: Links, d: int) -> Iterator[tuple[slice, Int[Tensor, " k"], Int[Tensor, " k"]]]:
    """Links, so many at a time that the features of their items take little memory, and which they are."""
    size = max(_BLOCK // max(d, 1), 1)
    for start in range(0, len(links[0]), size):
        some = slice(start, start + size)
        yield some, links[0][some], links[1][some]


class _Distances(Function):
    """Differentiable twice, without storing differences."""

    @staticmethod
    def forward(items: Tensor, links: Links, distance: Distance) -> Tensor:
        prepared, found = distance.prepared(items), items.new_empty(len(links[0]))
        for some, i, j in blocks(links, items.shape[1]):
            found[some] = distance.between(prepared.index_select(0, i), prepared.index_select(0, j))
        return found.clamp_max_(torch.finfo(items.dtype).max)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Links, Distance], output: Tensor) -> None:
        items, ctx.links, ctx.distance = inputs
        ctx.save_for_backward(items)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (items,) = ctx.saved_tensors
        largest = torch.finfo(items.dtype).max
        # A slope that is not finite belongs to items that coincide.
        slopes = grads[0].nan_to_num(0.0, 0.0, 0.0)
        pull: Any = _Pull.apply(slopes, ctx.distance.prepared(items), ctx.links, ctx.distance)
        return (pull * ctx.distance.factor(items)).clamp(-largest, largest), None, None


class _Pull(Function):
    """The sum, for each item, of the directions of its links times their slopes."""

    @staticmethod
    def forward(slopes: Tensor, items: Tensor, links: Links, distance: Distance) -> Tensor:
        pull = torch.zeros_like(items)
        for some, i, j in blocks(links, items.shape[1]):
            weights, direction = distance.direction(items.index_select(0, i), items.index_select(0, j))
            along = direction.mul_((slopes[some] * weights).unsqueeze(1))
            pull.index_add_(0, i, along).index_add_(0, j, along, alpha=-1.0)
        return pull

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Links, Distance], output: Tensor) -> None:
        slopes, items, ctx.links, ctx.distance = inputs
        ctx.save_for_backward(slopes, items)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor, Tensor, None, None]:
        slopes, items = ctx.saved_tensors
        to_slopes, to_items = torch.zeros_like(slopes), torch.zeros_like(items)
        for some, i, j in blocks(ctx.links, items.shape[1]):
            ends = (items.index_select(0, i), items.index_select(0, j))
            given = [part.detach().requires_grad_() for part in (slopes[some], *ends)]
            with torch.enable_grad():
                weights, direction = ctx.distance.direction(given[1], given[2])
                along = (direction * (grads[0][i] - grads[0][j])).sum(dim=1)
                total = (along * weights * given[0]).sum()
            to_slopes[some], first, second = torch.autograd.grad(total, given, materialize_grads=True)
            to_items.index_add_(0, i, first).index_add_(0, j, second)
        return to_slopes, to_items, None, None


class _InnerProducts(Function):
    """Differentiable, any number of times, from the items alone."""

    @staticmethod
    def forward(items: Tensor, pattern: Tensor) -> Tensor:
        if gram.moderate(items):
            # A copy, since values of a sparse matrix are a view of it, which may not be changed in place.
            return csr.products(pattern, items, items).clone()
        left, first, second = gram.divided(items)
        rows, _ = csr.indices(pattern)
        return (csr.products(pattern, left, items) * first[rows, 0] * second[rows, 0]).nan_to_num_(0.0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        items, ctx.pattern = inputs
        ctx.save_for_backward(items)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (items,) = ctx.saved_tensors
        pulls = (csr.product(ctx.pattern, grads[0], items, adjoint) for adjoint in (False, True))
        return sum(pulls, start=torch.zeros_like(items)).nan_to_num(0.0), None
