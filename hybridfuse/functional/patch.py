"""Patches of a grid of height, width and depth, and how their centres are packed."""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

Axes = tuple[int, int, int]
"""A whole number along each axis: height, width, depth."""
Factors = tuple[float, float, float]
"""Steps from centre to centre along each axis, in units of the radius, or of the mean of two half-widths."""

_R2, _R3, _R6 = math.sqrt(2.0), math.sqrt(3.0), math.sqrt(6.0)

CUBOID: dict[str, Factors] = {
    "sparse_square": (3.0, 3.0, 3.0),
    "complete_square": (2.0, 2.0, 2.0),
    "dense_square": (1.0, 1.0, 1.0),
    "densest_packing": (0.0, 0.0, 0.0),
}
CYLINDER: dict[str, Factors] = {
    "sparse_square": (2.0, 2.0, 2.0),
    "complete_square": (_R2, _R2, 2.0),
    "sparse_hexagonal": (_R3, 2.0, 2.0),
    "complete_hexagonal": (1.5, _R3, 2.0),
    "dense_hexagonal": (_R6 / 2.0, _R2, 1.0),
    "denser_hexagonal": (_R3 / 2.0, 1.0, 1.0),
    "densest_packing": (0.0, 0.0, 0.0),
}
SPHERE: dict[str, Factors] = {
    "sparse_simple_cubic": (2.0, 2.0, 2.0),
    "complete_simple_cubic": (2.0 * _R3 / 3.0, 2.0 * _R3 / 3.0, 2.0 * _R3 / 3.0),
    "dense_simple_cubic": (1.0, 1.0, 1.0),
    "sparse_face_centered_cubic": (2.0, _R3, 2.0 * _R6 / 3.0),
    "complete_face_centered_cubic": (_R2, 2.0 * _R6 / 3.0, 4.0 / 3.0),
    "dense_face_centered_cubic": (1.0, 1.0, 1.0),
    "sparse_hexagonal": (2.0, 2.0, _R6),
    "complete_hexagonal": (2.0 * _R3 / 3.0, 2.0 * _R3 / 3.0, 1.0),
    "dense_hexagonal": (1.0, 1.0, 1.0),
    "densest_packing": (0.0, 0.0, 0.0),
}


class Patch(NamedTuple):
    """The cells around a centre: a box, cut to a ball along its first axes.

    Attributes:
        before: cells before the centre, along each axis.
        after: cells after it.
        packings: how its centres may be packed.
        radius: of the ball.
        round_axes: of how many axes the ball is; none for a cuboid, 2 for a cylinder, 3 for a sphere.
    """

    before: Axes
    after: Axes
    packings: Mapping[str, Factors]
    radius: float = 0.0
    round_axes: int = 0


def cuboid(before: Axes, after: Axes) -> Patch:
    """A box."""
    return Patch(before, after, CUBOID)


def cylinder(extents: Axes, radius: float, before: int, after: int) -> Patch:
    """A disc of height and width, as flat as the grid; `before` and `after` are along the depth."""
    height, width = (_half(radius, extent) for extent in extents[:2])
    return Patch((height, width, before), (height, width, after), CYLINDER, radius, 2)


def sphere(extents: Axes, radius: float) -> Patch:
    """A ball, as flat as the grid."""
    height, width, depth = (_half(radius, extent) for extent in extents)
    return Patch((height, width, depth), (height, width, depth), SPHERE, radius, 3)


def _half(radius: float, extent: int) -> int:
    return math.floor(radius) if extent > 1 else 0


def offsets(patch: Patch) -> Int[Tensor, "s 3"]:
    """From a centre to each cell of its patch, in lexicographic order."""
    sides = zip(patch.before, patch.after, strict=True)
    box = torch.cartesian_prod(*(torch.arange(-before, after + 1) for before, after in sides))
    # A radius such as √3 comes with its rounding.
    return box[box[:, : patch.round_axes].double().square().sum(dim=1) <= patch.radius**2 * (1.0 + 1e-9)]


def steps(patch: Patch, extents: Axes, packing: str) -> Axes:
    """From centre to centre along each axis of a grid.

    A packing `complete_…` takes no larger steps than leave every cell of the grid in some patch.
    """
    means = [(before + after) / 2.0 for before, after in zip(patch.before, patch.after, strict=True)]
    halves = [patch.radius] * patch.round_axes + means[patch.round_axes :]
    factors = patch.packings[packing]
    height, width, depth = (max(1, math.floor(f * half + 1e-9)) for f, half in zip(factors, halves, strict=True))
    limits = (height, width, depth)
    return _complete(patch, extents, limits) if packing.startswith("complete_") else limits


def centres(extents: Axes, steps: Axes) -> Axes:
    """How many there are along each axis; the first is the first cell."""
    height, width, depth = (-(-extent // step) for extent, step in zip(extents, steps, strict=True))
    return height, width, depth


def _complete(patch: Patch, extents: Axes, limits: Axes) -> Axes:
    """Within the limits, the steps with the fewest centres that leave no cell out; the largest of several."""
    height, width, depth = (_candidates(patch, axis, extents[axis], limits[axis]) for axis in range(3))
    tried = itertools.product(height, width, depth)
    fitting = (chosen for chosen in tried if _round_covers(patch, extents, chosen))
    return min(fitting, key=lambda chosen: (math.prod(centres(extents, chosen)), -math.prod(chosen)))


def _candidates(patch: Patch, axis: int, extent: int, limit: int) -> list[int]:
    """Steps to try along an axis; where the box alone decides, the largest that leaves out no cell at the end."""
    tried = range(limit, 0, -1)
    if axis < patch.round_axes:
        return list(tried)
    return [next(step for step in tried if (extent - 1) % step <= patch.after[axis])]


def _round_covers(patch: Patch, extents: Axes, steps: Axes) -> bool:
    """Whether the cell farthest from all centres, along each axis of the ball, lies in the ball of one."""
    axes = list(zip(extents, steps, strict=True))[: patch.round_axes]
    farthest = [max((extent - 1) % step, step // 2 if step < extent else 0) for extent, step in axes]
    return sum(distance**2 for distance in farthest) <= patch.radius**2 * (1.0 + 1e-9)
