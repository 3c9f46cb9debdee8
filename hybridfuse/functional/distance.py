"""Distances between items; exact zeros of an item and itself, gradient 0 where two items coincide."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import gram, metric, scale
from hybridfuse.functional.differentiable import Function
from hybridfuse.functional.linked import Distance
from hybridfuse.functional.pairs import ALL, Pairs

# A squared distance below this share of the squared norms has lost half of its digits to cancellation.
_CANCELLED = 1e-3
_BLOCK = 1 << 18
_MODERATE = 2.0**30


class _Euclidean(Function):
    """Distances in a unit, to the power of 1 or 2; differentiable twice, without storing differences.

    By half a GEMM, entries that cancelled computed again directly. The second and third output are the pairs that
    cancelled, i < j; the gradient treats them directly, too.
    """

    @staticmethod
    def forward(items: Tensor, unit: float, power: int) -> tuple[Tensor, Tensor, Tensor]:
        largest = torch.finfo(items.dtype).max
        centred, factor = _in_units(items, unit)
        powers, rows, columns = _by_products(centred, power)
        if factor != 1:
            powers = (powers.mul_(factor) if power == 1 else powers.mul_(factor).mul_(factor)).clamp_max_(largest)
        for i, j in _blocks(rows, columns, items):
            exact = (_directly(items[i], items[j], min(2.0 / unit, largest)) ** power).clamp_max_(largest)
            powers[i, j] = exact
            powers[j, i] = exact
        return powers.fill_diagonal_(0.0), rows, columns

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float, int], output: tuple[Tensor, Tensor, Tensor]) -> None:
        items, ctx.unit, ctx.power = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(items, *output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        items, powers, rows, columns = ctx.saved_tensors
        centred, factor = _in_units(items, ctx.unit)
        slopes = _slopes(grads[0] + grads[0].mT, powers, ctx.power)
        near = torch.eye(len(items), dtype=torch.bool, device=items.device)
        near = near.index_put((rows, columns), near.new_ones(())).index_put((columns, rows), near.new_ones(()))
        far = slopes.masked_fill(near, 0.0) * factor
        pull = far.sum(dim=1, keepdim=True) * centred - far @ centred
        inverse = min(1.0 / ctx.unit, torch.finfo(items.dtype).max)
        for i, j in _blocks(rows, columns, items):
            along = slopes[i, j].unsqueeze(1) * (items[i] - items[j]) * inverse
            pull = pull.index_add(0, i, along).index_add(0, j, -along)
        return pull * inverse, None, None


def _everywhere(items: Tensor, unit: float, power: int) -> Tensor:
    if torch.compiler.is_exporting() or items.is_meta:
        return _from_differences(items, unit, power)
    powers, _, _ = _Euclidean.apply(items, unit, power)
    return powers


def _from_differences(items: Tensor, unit: float, power: int) -> Tensor:
    """The same where no branch may depend on numbers, as in a network that is exported; slower for many features."""
    magnitude = scale.common_magnitude(items)
    scaled = items / magnitude
    distances = torch.cdist(scaled, scaled, compute_mode="donot_use_mm_for_euclid_dist") * (magnitude / unit)
    return (distances**power).clamp_max(torch.finfo(items.dtype).max)


def _slopes(slopes: Tensor, powers: Tensor, power: int) -> Tensor:
    """Towards squared distances in a unit, times 2; 0 where a distance is 0 or beyond the largest number."""
    if power == 1:
        present = powers > 0
        slopes = torch.where(present, slopes / torch.where(present, powers, 1.0), 0.0)
    else:
        slopes = torch.where(powers < torch.finfo(powers.dtype).max, 2.0 * slopes, 0.0)
    # A slope that is not finite belongs to items that coincide but for the last digit.
    return slopes.nan_to_num(0.0, 0.0, 0.0)


def _in_units(items: Tensor, unit: float) -> tuple[Tensor, float]:
    """Items less their mean, and a factor that makes multiples of the unit of them: 1 unless squares may be extreme."""
    magnitude = scale.common_unit(items)
    ratio = min(magnitude / unit, torch.finfo(items.dtype).max)
    # Divided by a power of two, which rounds nothing before the mean is subtracted.
    centred = items / magnitude
    centred = centred.sub_(centred.mean(dim=0))
    return (centred.mul_(ratio), 1.0) if 1.0 / _MODERATE < ratio < _MODERATE else (centred, ratio)


def _by_products(centred: Tensor, power: int) -> tuple[Tensor, Tensor, Tensor]:
    """Powers of distances, infinite on the diagonal; and the pairs i < j that cancelled, where they are noise."""
    norms = torch.linalg.vecdot(centred, centred)
    least = torch.empty_like(norms)

    def finish(panel: Tensor, start: int) -> None:
        rows = slice(start, start + len(panel))
        torch.sub(norms[start:], panel, alpha=2.0, out=panel).add_(norms[rows, None]).diagonal().fill_(torch.inf)
        torch.amin(panel, dim=1, out=least[rows])
        if power == 1:
            panel.sqrt_()

    powers = gram.symmetric(centred, centred, finish)
    # Rows that may hold one are found by their smallest entry, since comparisons of all entries cost more than a GEMM.
    (suspects,) = torch.nonzero(least <= _CANCELLED * (norms + norms.max()), as_tuple=True)
    if not len(suspects):
        return powers, suspects, suspects
    limits = (_CANCELLED * (norms[suspects, None] + norms)) ** (power / 2)
    rows, columns = torch.nonzero(~(powers[suspects] > limits), as_tuple=True)
    above = suspects[rows] < columns
    return powers, suspects[rows][above], columns[above]


def _directly(first: Tensor, second: Tensor, factor: float) -> Tensor:
    """Half the Euclidean distance of items, times a factor; nothing under- or overflows on its way."""
    return _norms(0.5 * first - 0.5 * second, factor)


def _norms(apart: Tensor, factor: float) -> Tensor:
    """Of what may be changed in place, times a factor; in units of the largest entry."""
    largest = torch.linalg.vector_norm(apart, torch.inf, dim=-1)
    relative = apart.div_(torch.where(largest > 0, largest, 1.0).unsqueeze(-1))
    return torch.linalg.vecdot(relative, relative).sqrt_() * largest * factor


def _blocks(rows: Tensor, columns: Tensor, items: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of items, so many at a time that their differences take little memory."""
    size = max(_BLOCK // max(items.shape[1], 1), 1)
    return zip(rows.split(size), columns.split(size), strict=True)


class SquaredEuclidean(Distance):
    """In a unit."""

    def __init__(self, unit: float) -> None:
        self.unit = unit

    def prepared(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Halved, since a difference of two finite numbers may be infinite."""
        return items * 0.5

    def factor(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"] | float:
        return min(2.0 / self.unit, torch.finfo(items.dtype).max)

    def everywhere(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _everywhere(items, self.unit, 2)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        apart = (first - second).mul_(self.factor(first))
        return torch.linalg.vecdot(apart, apart)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        largest = torch.finfo(first.dtype).max
        apart = (first - second).mul_(self.factor(first)).clamp_(-largest, largest)
        squared = torch.linalg.vecdot(apart.detach(), apart.detach())
        return (squared < largest).to(apart.dtype), apart


class Euclidean(Distance):
    """Nothing under- or overflows on its way."""

    def prepared(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Halved, since a difference of two finite numbers may be infinite."""
        return items * 0.5

    def everywhere(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _everywhere(items, 1.0, 1)

    def between(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> Float[Tensor, "*#pairs"]:
        return _norms(first - second, 2.0)

    def direction(
        self, first: Float[Tensor, "*#pairs d"], second: Float[Tensor, "*#pairs d"]
    ) -> tuple[Float[Tensor, "*#pairs"] | float, Float[Tensor, "*#pairs d"]]:
        apart = first - second
        largest = torch.linalg.vector_norm(apart.detach(), torch.inf, dim=-1, keepdim=True)
        relative = apart / torch.where(largest > 0, largest, 1.0)
        squared = torch.linalg.vecdot(relative, relative)
        return torch.where(squared > 0, squared, 1.0).rsqrt(), relative


def squared_euclidean(items: Float[Tensor, "n d"], unit: float = 1.0, pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = \|x_i - x_j\|_2^2 / unit^2$, at most the largest finite number of the dtype."""
    return pairs.distances(items, SquaredEuclidean(unit))


def euclidean(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = \|x_i - x_j\|_2$, at most the largest finite number of the dtype."""
    return pairs.distances(items, Euclidean())


def manhattan(items: Float[Tensor, "n d"], unit: float = 1.0, pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = \|x_i - x_j\|_1 / unit$, at most the largest finite number of the dtype."""
    distances, largest = pairs.distances(items, metric.Manhattan()), torch.finfo(items.dtype).max
    return distances if unit == 1 else (distances * min(1.0 / unit, largest)).clamp_max_(largest)


def chebyshev(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = \max_k |x_{ik} - x_{jk}|$."""
    return pairs.distances(items, metric.Chebyshev())


def minkowski(items: Float[Tensor, "n d"], order: float, pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = (\sum_k |x_{ik} - x_{jk}|^p)^{1/p}$, by the special distances for the orders p that have one."""
    special: dict[float, Distance] = {1.0: metric.Manhattan(), 2.0: Euclidean(), math.inf: metric.Chebyshev()}
    return pairs.distances(items, special.get(order, metric.Minkowski(order)))


def canberra(items: Float[Tensor, "n d"], pairs: Pairs = ALL) -> Float[Tensor, "*pairs"]:
    r"""$D_{ij} = \sum_k |x_{ik} - x_{jk}| / (|x_{ik}| + |x_{jk}|)$, terms of two zeros left out."""
    return pairs.distances(items, metric.Canberra())
