"""Distances that no matrix product gives."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale, tiles
from hybridfuse.functional.linked import blocks
from hybridfuse.functional.pairwise import Metric, Tiled

# Exponents for which torch multiplies or takes a root.
_FAST_POWERS = (-1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
# Above that, logarithms take fewer operations.
_MOST_PRODUCTS = 64


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
    """Norms of any order above 0, in units in which no power overflows; one by one where a sum of powers underflows."""

    def __init__(self, order: float) -> None:
        self.order = order

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        unit, limits = scale.common_unit(items), torch.finfo(items.dtype)
        # No entry is above two units, so that differences of quarters are below one.
        distances = self.above((items * 0.25).div_(unit))
        # In a larger sum, powers that underflow are less than its last digit.
        small = (distances < items.shape[1] * limits.tiny / limits.eps).triu_(1)
        distances.pow_(1.0 / self.order).mul_(4.0).mul_(unit)
        rows, columns = torch.nonzero(small, as_tuple=True)
        for _, i, j in blocks((rows, columns), items.shape[1]):
            distances[i, j] = self.between(items[i], items[j])
        return tiles.mirrored(distances)

    def tile(
        self,
        first: Float[Tensor, "*#pairs d"],
        second: Float[Tensor, "*#pairs d"],
        room: Float[Tensor, "2 *pairs d"],
    ) -> Float[Tensor, "*pairs"]:
        """Sums of powers."""
        size = torch.sub(first, second, out=room[0]).abs_()
        return _power_by_products(size, self.order, room[1]).sum(dim=-1)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        """In units of the largest difference of a pair, so that none of its powers under- or overflows."""
        # Halved, since a difference of two finite numbers may be infinite.
        size = (0.5 * first - 0.5 * second).abs_()
        largest = size.amax(dim=-1, keepdim=True)
        total = _power(size.div_(torch.where(largest > 0, largest, 1.0)), self.order).sum(dim=-1)
        return total.pow_(1.0 / self.order).mul_(largest.squeeze(-1)).mul_(2.0).nan_to_num_(0.0)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        apart = 0.5 * first - 0.5 * second
        size, limits = apart.abs(), torch.finfo(apart.dtype)
        largest = size.detach().amax(dim=-1, keepdim=True)
        relative = size / torch.where(largest > 0, largest, 1.0)
        # Powers of 0 may be infinite, but what they are multiplied by is 0.
        powers = _power(relative.clamp_min(limits.tiny), self.order - 1.0)
        powers = powers.clamp_max(limits.max**0.5) if self.order < 1 else powers
        total = (powers * relative).sum(dim=-1)
        weights = torch.where(total > 0, total, 1.0).pow(1.0 / self.order - 1.0).clamp_max(limits.max**0.5)
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

    def tile(
        self,
        first: Float[Tensor, "*#pairs d"],
        second: Float[Tensor, "*#pairs d"],
        room: Float[Tensor, "2 *pairs d"],
    ) -> Float[Tensor, "*pairs"]:
        return _relative(first, second, room).abs_().sum(dim=-1)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        return _relative(first, second).abs_().sum(dim=-1)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        relative = _relative(first, second)
        return 1.0, relative.sign().sub_(relative * relative.abs())


def _relative(first: Tensor, second: Tensor, room: Tensor | None = None) -> Tensor:
    """Differences relative to their two numbers."""
    own = first.abs().clamp_min(torch.finfo(first.dtype).tiny)
    if room is None:
        return (first - second).div_(own + second.abs())
    return torch.sub(first, second, out=room[0]).div_(torch.add(own, second.abs(), out=room[1]))


def _power(relative: Tensor, order: float) -> Tensor:
    """Of numbers up to 1, in place; by logarithms, which are several times faster and no less precise there."""
    return relative.pow_(order) if order in _FAST_POWERS else relative.log_().mul_(order).exp_()


def _power_by_products(relative: Tensor, order: float, room: Tensor) -> Tensor:
    """The same without a gradient, faster for multiples of a half, in memory that is given."""
    halves = 2 * order
    if halves % 1 or order > _MOST_PRODUCTS:
        return _power(relative, order)
    exponent = int(halves) if halves % 2 else int(order)
    base = relative.sqrt_() if halves % 2 else relative
    if exponent <= 3:
        return base.pow_(exponent)
    room.copy_(base)
    for bit in f"{exponent:b}"[1:]:
        base.square_()
        if bit == "1":
            base.mul_(room)
    return base


def _norms(items: Tensor, order: float) -> Tensor:
    """Of differences; of the two that torch has, the one that is several times faster there."""
    if items.device.type != "cpu":
        return torch.cdist(items, items, order)
    n = len(items)
    above = torch.ones(n, n, dtype=torch.bool).triu_(1)
    return tiles.mirrored(items.new_zeros(n, n).masked_scatter_(above, torch.pdist(items, order)))
