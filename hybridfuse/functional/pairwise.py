"""Distances that no matrix product gives, and their gradients, for tiles of pairs that fit into the cache."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import parallel
from hybridfuse.functional.differentiable import Function
from hybridfuse.functional.linked import Distance

Result = TypeVar("Result")

# Differences that a tile holds: in a core's cache, or, elsewhere, enough of them to keep a device busy.
_TILE, _TILE_ELSEWHERE = 1 << 17, 1 << 24
# Differences below which threads cost more than they save.
_THREADED = 1 << 22
_SIDE = 256
# Exponents for which torch multiplies or takes a root.
_FAST_POWERS = (-1.0, -0.5, 0.5, 1.0, 2.0, 3.0)


class Metric(Distance):
    """A distance whose matrix is computed without gradients, which follow from its directions."""

    def everywhere(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _Distances.apply(items, self)  # pyright: ignore[reportReturnType]

    @abstractmethod
    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """The distances of prepared items."""


class Tiled(Metric):
    """A distance that is computed tile by tile."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        distances = items.new_empty(len(items), len(items))
        for rows, columns, tile in _over_tiles(lambda i, j: self.between(items[i, None], items[None, j]), items):
            distances[rows, columns] = tile
            distances[columns, rows] = tile.mT
        return distances


class _Distances(Function):
    """Differentiable twice, without storing differences.

    Features of an item lie beside each other, which their differences are five times as fast of.
    """

    @staticmethod
    def forward(items: Tensor, metric: Metric) -> Tensor:
        return metric.matrix(metric.prepared(items).contiguous()).clamp_max_(torch.finfo(items.dtype).max)

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
        pull = _Pull.apply(slopes, ctx.metric.prepared(items).contiguous(), ctx.metric)
        return (pull * ctx.metric.factor(items)).clamp(-largest, largest), None  # pyright: ignore


class _Pull(Function):
    r"""$\sum_j S_{ij} v_{ij}$ of symmetric slopes S and the directions v of a metric."""

    @staticmethod
    def forward(slopes: Tensor, items: Tensor, metric: Metric) -> Tensor:
        def pulls(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
            weights, direction = metric.direction(items[rows, None], items[None, columns])
            weighted = slopes[rows, columns] * weights
            towards = torch.bmm(weighted.unsqueeze(1), direction).squeeze(1)
            if rows == columns:
                return towards, towards
            return towards, direction.mul_(weighted.unsqueeze(-1)).sum(dim=0)

        pull = torch.zeros_like(items)
        for rows, columns, (first, second) in _over_tiles(pulls, items):
            pull[rows] += first
            if rows != columns:
                pull[columns] -= second
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

        def gradients(rows: slice, columns: slice) -> tuple[Tensor, ...]:
            given = [part.detach().requires_grad_() for part in (slopes[rows, columns], items[rows], items[columns])]
            with torch.enable_grad():
                weights, direction = ctx.metric.direction(given[1][:, None], given[2][None])
                along = (direction * (grads[0][rows, None] - grads[0][None, columns])).sum(dim=-1)
                total = (along * weights * given[0]).sum() * (0.5 if rows == columns else 1.0)
            return torch.autograd.grad(total, given, materialize_grads=True)

        to_slopes, to_items = torch.zeros_like(slopes), torch.zeros_like(items)
        for rows, columns, (tile, first, second) in _over_tiles(gradients, items):
            to_slopes[rows, columns] = tile
            to_items[rows] += first
            to_items[columns] += second
        return to_slopes, to_items, None


def _over_tiles(work: Callable[[slice, slice], Result], items: Tensor) -> Iterator[tuple[slice, slice, Result]]:
    """What work gives for the rows and columns of each tile, in order."""
    on_cpu, size = items.device.type == "cpu", len(items) * items.numel()
    threads = torch.get_num_threads() if on_cpu and size >= _THREADED else 1
    return parallel.mapped(lambda tile: (*tile, work(*tile)), _tiles(items), threads)


def _tiles(items: Tensor) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that hold each pair of items once, but for those on the diagonal."""
    n, d = items.shape
    pairs = max((_TILE if items.device.type == "cpu" else _TILE_ELSEWHERE) // max(d, 1), 1)
    width = math.isqrt(pairs)
    for start in range(0, n, width):
        columns = slice(start, min(start + width, n))
        for above in range(0, start, pairs // width):
            yield slice(above, min(above + pairs // width, start)), columns
        yield columns, columns


class Manhattan(Metric):
    """The sum of differences."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _norms(items, 1.0)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        # Halved, since a difference of two finite numbers may be infinite.
        return (0.5 * first - 0.5 * second).abs_().sum(dim=-1).mul_(2.0)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        return 1.0, (first - second).sign_()


class Chebyshev(Metric):
    """The largest difference; features that tie for it share the gradient."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _norms(items, math.inf)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        return (0.5 * first - 0.5 * second).abs_().amax(dim=-1).mul_(2.0)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        apart = first.detach() - second.detach()
        attained = apart.abs()
        largest = attained.amax(dim=-1, keepdim=True)
        attained.eq_(largest)
        weights = largest.squeeze(-1).gt(0) / attained.sum(dim=-1)
        return weights, attained.copysign_(apart)


class Minkowski(Tiled):
    """Norms of any order above 0, each in units of its largest difference, so that no power under- or overflows."""

    def __init__(self, order: float) -> None:
        self.order = order

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        # Halved, since a difference of two finite numbers may be infinite.
        size = (0.5 * first - 0.5 * second).abs_()
        largest = size.amax(dim=-1, keepdim=True)
        total = self._power(size.div_(torch.where(largest > 0, largest, 1.0)), self.order).sum(dim=-1)
        return total.pow_(1.0 / self.order).mul_(largest.squeeze(-1)).mul_(2.0).nan_to_num_(0.0)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        apart = 0.5 * first - 0.5 * second
        size, limits = apart.abs(), torch.finfo(apart.dtype)
        largest = size.detach().amax(dim=-1, keepdim=True)
        relative = size / torch.where(largest > 0, largest, 1.0)
        # Powers of 0 may be infinite, but what they are multiplied by is 0.
        powers = self._power(relative.clamp_min(limits.tiny), self.order - 1.0)
        powers = powers.clamp_max(limits.max**0.5) if self.order < 1 else powers
        total = (powers * relative).sum(dim=-1)
        weights = torch.where(total > 0, total, 1.0).pow(1.0 / self.order - 1.0).clamp_max(limits.max**0.5)
        return weights, powers * apart.sign()

    @staticmethod
    def _power(relative: Tensor, order: float) -> Tensor:
        """Of numbers up to 1, in place; by logarithms, which are several times faster and no less precise there."""
        return relative.pow_(order) if order in _FAST_POWERS else relative.log_().mul_(order).exp_()


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

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        return self._relative(first, second).abs_().sum(dim=-1)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        relative = self._relative(first, second)
        return 1.0, relative.sign().sub_(relative * relative.abs())

    def _relative(self, first: Tensor, second: Tensor) -> Tensor:
        return (first - second).div_(first.abs().clamp_min(torch.finfo(first.dtype).tiny) + second.abs())


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
