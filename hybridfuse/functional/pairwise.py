"""Distances that no matrix product gives, and their gradients, for tiles of pairs that fit into the cache."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# Differences that a tile holds: in a core's cache, or, elsewhere, enough of them to keep a device busy.
_TILE, _TILE_ELSEWHERE = 1 << 18, 1 << 24
_SIDE = 256


class Metric(ABC):
    """A distance of two items, given to `distances`; its gradient is antisymmetric but for a factor of each entry."""

    def prepared(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """What `matrix` and `direction` see of the items."""
        return items

    def factor(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"] | float:
        """By what the sum of directions is multiplied."""
        return 1.0

    @abstractmethod
    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """The distances of prepared items."""

    @abstractmethod
    def direction(
        self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]
    ) -> tuple[Float[Tensor, "i j"] | float, Float[Tensor, "i j d"]]:
        """Weights, symmetric, and vectors, antisymmetric, whose product times `factor` is the gradient to `first`."""


class Tiled(Metric):
    """A distance that is computed tile by tile."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        distances = items.new_empty(len(items), len(items))
        for rows, columns in _tiles(items):
            tile = self.tile(items[rows, None], items[None, columns])
            distances[rows, columns] = tile
            distances[columns, rows] = tile.mT
        return distances

    @abstractmethod
    def tile(self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]) -> Float[Tensor, "i j"]:
        """Distances of prepared items."""


class _Distances(torch.autograd.Function):
    """Differentiable twice, without storing differences."""

    @staticmethod
    def forward(items: Tensor, metric: Metric) -> Tensor:
        return metric.matrix(metric.prepared(items)).clamp_max_(torch.finfo(items.dtype).max)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Metric], output: Tensor) -> None:
        items, ctx.metric = inputs
        ctx.save_for_backward(items)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (items,) = ctx.saved_tensors
        largest = torch.finfo(items.dtype).max
        # A slope that is not finite belongs to items that coincide.
        slopes = (grads[0] + grads[0].mT).nan_to_num(0.0, 0.0, 0.0)
        pull = _Pull.apply(slopes, ctx.metric.prepared(items), ctx.metric)
        return (pull * ctx.metric.factor(items)).clamp(-largest, largest), None  # pyright: ignore


class _Pull(torch.autograd.Function):
    r"""$\sum_j S_{ij} v_{ij}$ of symmetric slopes S and the directions v of a metric."""

    @staticmethod
    def forward(slopes: Tensor, items: Tensor, metric: Metric) -> Tensor:
        pull = torch.zeros_like(items)
        for rows, columns in _tiles(items):
            weights, direction = metric.direction(items[rows, None], items[None, columns])
            weighted = slopes[rows, columns] * weights
            pull[rows] += torch.bmm(weighted.unsqueeze(1), direction).squeeze(1)
            if rows != columns:
                pull[columns] -= torch.bmm(weighted.mT.unsqueeze(1), direction.transpose(0, 1)).squeeze(1)
        return pull

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Metric], output: Tensor) -> None:
        slopes, items, ctx.metric = inputs
        ctx.save_for_backward(slopes, items)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        slopes, items = ctx.saved_tensors
        to_slopes, to_items = torch.zeros_like(slopes), torch.zeros_like(items)
        for rows, columns in _tiles(items):
            given = [part.detach().requires_grad_() for part in (slopes[rows, columns], items[rows], items[columns])]
            with torch.enable_grad():
                weights, direction = ctx.metric.direction(given[1][:, None], given[2][None])
                along = (direction * (grads[0][rows, None] - grads[0][None, columns])).sum(dim=-1)
                total = (along * weights * given[0]).sum() * (0.5 if rows == columns else 1.0)
            tile, first, second = torch.autograd.grad(total, given, materialize_grads=True)
            to_slopes[rows, columns] = tile
            to_items[rows] += first
            to_items[columns] += second
        return to_slopes, to_items, None


def _tiles(items: Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that hold each pair of items once, but for those on the diagonal.

    They are tall, since the sums along columns are slow where few rows are a wide stride apart.
    """
    n, d = items.shape
    pairs = max((_TILE if items.device.type == "cpu" else _TILE_ELSEWHERE) // max(d, 1), 1)
    width = max(math.isqrt(pairs // 8), 1)
    for start in range(0, n, width):
        columns = slice(start, min(start + width, n))
        for above in range(0, start, pairs // width):
            yield slice(above, min(above + pairs // width, start)), columns
        yield columns, columns


def distances(items: Float[Tensor, "n d"], metric: Metric) -> Float[Tensor, "n n"]:
    """Distances of a metric, at most the largest finite number of the dtype."""
    return _Distances.apply(items, metric)  # pyright: ignore[reportReturnType]


class Manhattan(Metric):
    """The sum of differences."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _norms(items, 1.0)

    def direction(
        self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]
    ) -> tuple[Float[Tensor, "i j"] | float, Float[Tensor, "i j d"]]:
        return 1.0, (first - second).sign_()


class Chebyshev(Metric):
    """The largest difference; features that tie for it share the gradient."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _norms(items, math.inf)

    def direction(
        self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]
    ) -> tuple[Float[Tensor, "i j"] | float, Float[Tensor, "i j d"]]:
        apart = first.detach() - second.detach()
        size = apart.abs()
        largest = size.amax(dim=-1, keepdim=True)
        attained = size.eq_(largest)
        weights = largest.squeeze(-1).gt(0).to(size.dtype) / attained.sum(dim=-1)
        return weights, attained.copysign_(apart)


class Minkowski(Tiled):
    """Norms of any order above 0, each in units of its largest difference, so that no power under- or overflows."""

    def __init__(self, order: float) -> None:
        self.order = order

    def tile(self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]) -> Float[Tensor, "i j"]:
        # Halved, since a difference of two finite numbers may be infinite.
        size = (0.5 * first - 0.5 * second).abs_()
        largest = size.amax(dim=-1, keepdim=True)
        total = size.div_(torch.where(largest > 0, largest, 1.0)).pow_(self.order).sum(dim=-1)
        return total.pow_(1.0 / self.order).mul_(largest.squeeze(-1)).mul_(2.0).nan_to_num_(0.0)

    def direction(
        self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]
    ) -> tuple[Float[Tensor, "i j"] | float, Float[Tensor, "i j d"]]:
        apart = 0.5 * first - 0.5 * second
        size, bound = apart.abs(), torch.finfo(apart.dtype).max ** 0.5
        largest = size.detach().amax(dim=-1, keepdim=True)
        relative = size / torch.where(largest > 0, largest, 1.0)
        powers = torch.where(relative > 0, relative, 1.0).pow(self.order - 1.0).clamp_max(bound)
        total = (powers * relative).sum(dim=-1)
        weights = torch.where(total > 0, total, 1.0).pow(1.0 / self.order - 1.0).clamp_max(bound)
        return weights, powers * apart.sign()


class Canberra(Tiled):
    """The sum of differences, each relative to its two numbers; the same in any unit of a feature."""

    def prepared(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Each feature in units of a power of two, far from overflow and as far as possible from underflow."""
        largest = math.frexp(torch.finfo(items.dtype).max)[1] - 2
        exponent = largest - torch.frexp(items.detach().abs().amax(dim=0)).exponent
        return items * torch.ldexp(torch.ones_like(items[0]), exponent.clamp(-largest, largest))

    def factor(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"] | float:
        present = items != 0
        bound = torch.finfo(items.dtype).max ** 0.5
        return torch.where(present, 0.5 / torch.where(present, items, 1.0).abs(), 0.0).clamp_max(bound)

    def tile(self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]) -> Float[Tensor, "i j"]:
        return self._relative(first, second).abs_().sum(dim=-1)

    def direction(
        self, first: Float[Tensor, "i 1 d"], second: Float[Tensor, "1 j d"]
    ) -> tuple[Float[Tensor, "i j"] | float, Float[Tensor, "i j d"]]:
        relative = self._relative(first, second)
        return 1.0, torch.addcmul(relative.sign(), relative, relative.abs(), value=-1.0)

    def _relative(self, first: Tensor, second: Tensor) -> Tensor:
        least = torch.finfo(first.dtype).tiny
        return (first - second).div_(first.abs().clamp_min(least) + second.abs().clamp_min(least))


def _norms(items: Tensor, order: float) -> Tensor:
    """Of differences; of the two that torch has, the one that is several times faster there."""
    if items.device.type != "cpu":
        return torch.cdist(items, items, order)
    n = len(items)
    above = torch.ones(n, n, dtype=torch.bool).triu_(1)
    return mirrored(items.new_zeros(n, n).masked_scatter_(above, torch.pdist(items, order)))


def mirrored(upper: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """What is above the diagonal copied below it, in place, by blocks that fit into the cache."""
    for start in range(0, len(upper), _SIDE):
        rows = slice(start, start + _SIDE)
        square = upper[rows, rows].triu_()
        square += square.triu(1).mT
        for other in range(start + _SIDE, len(upper), _SIDE):
            columns = slice(other, other + _SIDE)
            upper[columns, rows] = upper[rows, columns].mT
    return upper
