"""What is known of items from some of their features, so that summaries of disjoint features merge into one.

A function of items that is computed from a summary can be computed from batches of features, in any order, by several
processes, in memory that does not grow with them.
"""

from typing import NamedTuple, Protocol, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import scale

S = TypeVar("S", bound="Summary")


class Summary(Protocol):
    """A named tuple of tensors and whole numbers."""

    def merge(self: S, other: S) -> S:
        """The summary of the features of both."""
        ...


class Sums(NamedTuple):
    """A quantity of each pair of items that adds up over features, such as a squared distance."""

    total: Float[Tensor, "n n"]

    def merge(self, other: "Sums") -> "Sums":
        return Sums(self.total + other.total)


class Largest(NamedTuple):
    """A quantity of each pair of items that is the largest one over features."""

    value: Float[Tensor, "n n"]

    def merge(self, other: "Largest") -> "Largest":
        return Largest(torch.maximum(self.value, other.value))


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
