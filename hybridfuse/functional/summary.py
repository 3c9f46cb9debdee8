"""What is known of items from some of their features, so that summaries of disjoint features merge into one.

A function of items that is computed from a summary can be computed from batches of features, in any order, by several
processes, in memory that does not grow with them.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import precision, scale

S = TypeVar("S", bound="Summary")

_OBSERVATIONS = 128


class Summary(Protocol):
    """A named tuple of tensors and numbers."""

    def merge(self: S, other: S) -> S:
        """The summary of the features of both."""
        ...


class Sums(NamedTuple):
    """A quantity of each pair of items that adds up over features, such as a squared distance."""

    total: Float[Tensor, "*pairs"]

    def merge(self, other: "Sums") -> "Sums":
        return Sums(self.total + other.total)


class Largest(NamedTuple):
    """A quantity of each pair of items that is the largest one over features."""

    value: Float[Tensor, "n n"]

    def merge(self, other: "Largest") -> "Largest":
        return Largest(torch.maximum(self.value, other.value))


class Norms(NamedTuple):
    """A norm, of an order above 0, of a quantity of each pair of items over features, such as a distance."""

    norm: Float[Tensor, "*pairs"]
    order: float

    def merge(self, other: "Norms") -> "Norms":
        if self.order == 1.0:
            return Norms(self.norm + other.norm, self.order)
        largest = torch.maximum(self.norm, other.norm)
        if self.order == math.inf:
            return Norms(largest, self.order)
        # In units of the larger one, so that no power under- or overflows.
        unit = torch.where(largest > 0, largest, 1.0)
        total = (self.norm / unit) ** self.order + (other.norm / unit) ** self.order
        return Norms(largest * total ** (1.0 / self.order), self.order)


class Products(NamedTuple):
    """Inner products of items divided by their magnitudes, powers of two, so that none overflows; 1 if not zero."""

    magnitude: Float[Tensor, "n 1"]
    products: Float[Tensor, "n n"]
    present: Float[Tensor, " n"]

    @staticmethod
    def of(items: Float[Tensor, "n d"]) -> "Products":
        magnitude = scale.magnitude(items)
        scaled = items / magnitude
        present = items.detach().ne(0).any(dim=1).to(items.dtype)
        return Products(magnitude, scaled @ scaled.mT, present)

    def merge(self, other: "Products") -> "Products":
        magnitude = torch.maximum(self.magnitude, other.magnitude)
        first, second = self._rescaled(magnitude), other._rescaled(magnitude)
        present = torch.maximum(self.present, other.present)
        return Products(magnitude, first.products + second.products, present)

    def _rescaled(self, magnitude: Tensor) -> "Products":
        factor = self.magnitude / magnitude
        return Products(magnitude, self.products * factor * factor.mT, self.present)


class Moments(NamedTuple):
    """Number of features; means and centred inner products of items divided by their magnitudes, powers of two.

    A constant item has centred products of exactly zero.

    References: Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance, for the merging.
    """

    observations: int
    magnitude: Float[Tensor, "n 1"]
    mean: Float[Tensor, "n 1"]
    products: Float[Tensor, "n n"]

    @staticmethod
    def of(items: Float[Tensor, "n d"]) -> "Moments":
        magnitude = scale.magnitude(items)
        scaled = items / magnitude
        # The first feature is subtracted before the mean, so that an offset costs no precision.
        first = scaled[:, :1]
        shifted = scaled - first
        shift = shifted.mean(dim=1, keepdim=True)
        centred = shifted - shift
        return Moments(items.shape[1], magnitude, first + shift, centred @ centred.mT)

    def merge(self, other: "Moments") -> "Moments":
        magnitude = torch.maximum(self.magnitude, other.magnitude)
        first, second = self._rescaled(magnitude), other._rescaled(magnitude)
        observations = first.observations + second.observations
        apart = second.mean - first.mean
        mean = first.mean + apart * (second.observations / observations)
        between = apart @ apart.mT * (first.observations * second.observations / observations)
        return Moments(observations, magnitude, mean, first.products + second.products + between)

    def _rescaled(self, magnitude: Tensor) -> "Moments":
        factor = self.magnitude / magnitude
        return Moments(self.observations, magnitude, self.mean * factor, self.products * factor * factor.mT)


class Softmaxes(NamedTuple):
    r"""Distributions $p_i = softmax(x_i)$ over features: log of their normaliser, and $\sum_k p_{ki} \log p_{kj}$."""

    total: Float[Tensor, "n 1"]
    expected: Float[Tensor, "n n"]

    @staticmethod
    def of(items: Float[Tensor, "n d"]) -> "Softmaxes":
        logarithms = Softmaxes.logarithms(items)
        total = Softmaxes.bounded(items).logsumexp(dim=1, keepdim=True)
        return Softmaxes(total, logarithms.exp() @ logarithms.mT)

    @staticmethod
    def logarithms(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Logarithms of the softmax of each item, in its memory order, which torch would copy otherwise."""
        bounded = Softmaxes.bounded(items)
        return bounded.mT.log_softmax(dim=0).mT if bounded.mT.is_contiguous() else bounded.log_softmax(dim=1)

    @staticmethod
    def bounded(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Items cut off far beyond what a softmax tells apart, so that sums of products stay finite."""
        limit = torch.finfo(items.dtype).max * 2.0**-24
        return items.clamp(-limit, limit)

    def merge(self, other: "Softmaxes") -> "Softmaxes":
        total = torch.logaddexp(self.total, other.total)
        return Softmaxes(total, self._share(total) + other._share(total))

    def _share(self, total: Tensor) -> Tensor:
        shift = self.total - total
        return shift.exp() * (self.expected + shift.mT)


class FourthMoments(NamedTuple):
    r"""Sums over features of moments of an observation $y_k$, one feature of all items, centred: up to $\|y_k\|^4$.

    All items are divided by one magnitude, a power of two, and are in float64 where the device has it.
    """

    observations: int
    magnitude: Float[Tensor, ""]
    mean: Float[Tensor, "n 1"]
    products: Float[Tensor, "n n"]
    cubic: Float[Tensor, "n 1"]
    quartic: Float[Tensor, ""]

    @staticmethod
    def of(items: Float[Tensor, "n d"]) -> "FourthMoments":
        first = precision.widest(items[:, :1])
        divisor = scale.common_divisor(items).to(first)
        magnitude, first = torch.where(divisor.isinf(), 1.0, divisor), first / divisor
        # Some observations at a time, twice, since in float64 all of them would hold twice the memory.
        blocks = items.split(max(len(items), _OBSERVATIONS), dim=1)
        sums = (_shifted(block, divisor, first).sum(dim=1, keepdim=True) for block in blocks)
        shift = functools.reduce(torch.add, sums) / items.shape[1]
        moments = (_moments(_shifted(block, divisor, first).sub_(shift)) for block in blocks)
        products, cubic, quartic = functools.reduce(_added, moments)
        return FourthMoments(items.shape[1], magnitude, first + shift, products, cubic, quartic)

    def merge(self, other: "FourthMoments") -> "FourthMoments":
        magnitude = torch.maximum(self.magnitude, other.magnitude)
        first, second = self._rescaled(magnitude), other._rescaled(magnitude)
        share = second.observations / (first.observations + second.observations)
        apart = second.mean - first.mean
        mean = first.mean + apart * share
        pieces = zip(first._about(apart * share), second._about(apart * (share - 1.0)), strict=True)
        products, cubic, quartic = (one + another for one, another in pieces)
        return FourthMoments(first.observations + second.observations, magnitude, mean, products, cubic, quartic)

    def _rescaled(self, magnitude: Tensor) -> "FourthMoments":
        factor = self.magnitude / magnitude
        moments = (self.mean * factor, self.products * factor**2, self.cubic * factor**3, self.quartic * factor**4)
        return FourthMoments(self.observations, magnitude, *moments)

    def _about(self, shift: Float[Tensor, "n 1"]) -> tuple[Tensor, Tensor, Tensor]:
        """Products, cubic and quartic sums about the mean plus a shift."""
        count, trace, squared = self.observations, self.products.diagonal().sum(), shift.square().sum()
        pulled = self.products @ shift
        products = self.products + count * shift @ shift.mT
        cubic = self.cubic - 2.0 * pulled - (trace + count * squared) * shift
        along = (shift * pulled).sum() - (shift * self.cubic).sum()
        return products, cubic, self.quartic + 4.0 * along + 2.0 * squared * trace + count * squared**2


def _shifted(block: Tensor, divisor: Tensor, first: Tensor) -> Tensor:
    """Divided, less a first feature, so that an offset costs no precision and a constant item is exactly zero."""
    return precision.widest(block).div(divisor).sub_(first)


def _added(first: Sequence[Tensor], second: Sequence[Tensor]) -> Sequence[Tensor]:
    return [one + other for one, other in zip(first, second, strict=True)]


def _moments(centred: Float[Tensor, "n d"]) -> Sequence[Tensor]:
    squares = centred.square().sum(dim=0)
    return centred @ centred.mT, centred @ squares[:, None], squares.square().sum()
