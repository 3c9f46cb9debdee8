"""Patches on grids, by plain loops over cells."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from families.common import Array, Case, Oracle, Wrong, by_row, symmetric
from hybridfuse import interdependence
from hybridfuse.postprocess.column import Column
from hybridfuse.postprocess.row import Row
from hybridfuse.postprocess.symmetric import Symmetric

Cell = tuple[int, ...]


def box(*reaches: tuple[int, int]) -> list[Cell]:
    """Offsets of a cuboid, from how far it reaches before and after its centre."""
    return list(itertools.product(*(range(-before, after + 1) for before, after in reaches)))


def ball(radius: float, dimensions: int, extents: Sequence[int] = (99, 99, 99)) -> list[Cell]:
    """Offsets of a ball; where the grid is one cell long, it is flat."""
    reach = range(-math.ceil(radius), math.ceil(radius) + 1)
    flat = [reach if extent > 1 else range(1) for extent in extents[:dimensions]]
    return [o for o in itertools.product(*flat) if math.sqrt(sum(x * x for x in o)) <= radius + 1e-9]


def tube(radius: float, before: int, after: int, extents: Sequence[int] = (99, 99, 99)) -> list[Cell]:
    """Offsets of a cylinder."""
    return [(i, j, k) for i, j in ball(radius, 2, extents) for k in range(-before, after + 1)]


def cells(extents: Sequence[int], steps: Sequence[int] = (1, 1, 1)) -> list[Cell]:
    return list(itertools.product(*(range(0, extent, step) for extent, step in zip(extents, steps, strict=True))))


def moved(cell: Cell, offset: Cell) -> Cell:
    return tuple(x + y for x, y in zip(cell, offset, strict=True))


def padding(extents: Sequence[int], channels: int, steps: Sequence[int], offsets: Iterable[Cell]) -> Array:
    inside = {cell: number for number, cell in enumerate(cells(extents))}
    columns = []
    for centre in cells(extents, steps):
        for channel in range(channels):
            for offset in offsets:
                column = np.zeros(len(inside) * channels)
                if moved(centre, offset) in inside:
                    column[inside[moved(centre, offset)] + channel * len(inside)] = 1.0
                columns.append(column)
    return np.array(columns).T


def aggregation(extents: Sequence[int], channels: int, steps: Sequence[int], offsets: Iterable[Cell]) -> Array:
    inside = {cell: number for number, cell in enumerate(cells(extents))}
    columns = []
    for centre in cells(extents, steps):
        for channel in range(channels):
            column = np.zeros(len(inside) * channels)
            for offset in offsets:
                if moved(centre, offset) in inside:
                    column[inside[moved(centre, offset)] + channel * len(inside)] += 1.0
            columns.append(column)
    return np.array(columns).T


MATRIX: dict[str, Callable[..., Array]] = {"padding": padding, "aggregation": aggregation}


def left_out(extents: Sequence[int], steps: Sequence[int], offsets: Sequence[Cell]) -> set[Cell]:
    """Cells of a grid that lie in no patch."""
    return set(cells(extents)) - {moved(c, o) for c in cells(extents, steps) for o in offsets}


def grid_of(n: int) -> dict[str, int]:
    """A grid of n cells, of more than one axis or channel where n allows."""
    return {"width": 2} if n % 6 == 0 else {"channels": 2} if n % 2 == 0 else {}


Extents = tuple[int, int, int]


def _oracle(mode: str, offsets: Callable[[Extents], list[Cell]], steps: Extents = (1, 1, 1)) -> Oracle:
    def matrix(x: Array, w: Array) -> Array:
        sizes = grid_of(len(x))
        width, channels = sizes.get("width", 1), sizes.get("channels", 1)
        extents = (len(x) // width // channels, width, 1)
        return MATRIX[mode](extents, channels, steps, offsets(extents))

    return matrix


def _normalised(oracle: Oracle, normalise: Callable[[Array], Array]) -> Oracle:
    return lambda x, w: normalise(oracle(x, w))


def _box(height: tuple[int, int], width: int | None = None) -> Callable[[Extents], list[Cell]]:
    """As wide as high, as far as the grid is."""

    def offsets(extents: Extents) -> list[Cell]:
        own = min(height[0], extents[1] - 1) if width is None else width
        return box(height, (own, own), (0, 0))

    return offsets


def _cuboid(mode: str) -> list[Case]:
    def of(before: int, after: int, steps: Extents = (1, 1, 1), width: int | None = None) -> Oracle:
        return _oracle(mode, _box((before, after), width), steps)

    return [
        ({}, of(1, 1)),
        ({"patch_height": 2}, of(2, 2)),
        ({"patch_height": 0}, of(0, 0)),
        ({"patch_height": 2, "patch_height_after": 0}, of(2, 0)),
        ({"patch_height": 0, "patch_height_after": 2}, of(0, 2)),
        ({"patch_width": 0}, of(1, 1, width=0)),
        ({"packing": "sparse_square"}, of(1, 1, (3, 3, 1))),
        ({"packing": "complete_square"}, of(1, 1, (2, 2, 1))),
        ({"packing": "dense_square", "patch_height": 2}, of(2, 2, (2, 1, 1))),
        ({"packing": "densest_packing"}, of(1, 1)),
        ({"step_height": 3}, of(1, 1, (3, 1, 1))),
        ({"step_width": 2, "packing": "sparse_square"}, of(1, 1, (3, 2, 1))),
        ({"normalization": Row()}, _normalised(of(1, 1), by_row)),
        ({"normalization": Column(), "patch_height": 2}, _normalised(of(2, 2), lambda a: by_row(a.T).T)),
        ({"normalization": Symmetric(), "step_height": 2}, _normalised(of(1, 1, (2, 1, 1)), symmetric)),
    ]


def _round(mode: str, dimensions: int) -> list[Case]:
    def of(radius: float, steps: Extents = (1, 1, 1)) -> Oracle:
        return _oracle(mode, lambda extents: [(*o, 0)[:3] for o in ball(radius, dimensions, extents)], steps)

    solid = dimensions == 3
    sparse = "sparse_simple_cubic" if solid else "sparse_square"
    complete = "complete_simple_cubic" if solid else "complete_square"
    return [
        ({}, of(1.0)),
        ({"radius": 0.5}, of(0.5)),
        ({"radius": 1.42}, of(1.42)),
        ({"packing": sparse}, of(1.0, (2, 2, 1))),
        ({"packing": complete, "radius": 1.5}, of(1.5, (1, 1, 1) if solid else (2, 2, 1))),
        ({"packing": "densest_packing"}, of(1.0)),
        ({"step_height": 3}, of(1.0, (3, 1, 1))),
        ({"step_width": 2, "packing": sparse}, of(1.0, (2, 2, 1))),
        ({"normalization": Row()}, _normalised(of(1.0), by_row)),
        ({"normalization": Symmetric(), "step_height": 2}, _normalised(of(1.0, (2, 1, 1)), symmetric)),
    ]


ORACLES: dict[str, list[Case]] = {
    f"grid_{kind}_{mode}": rows(mode)
    for mode in MATRIX
    for kind, rows in {
        "cuboid": _cuboid,
        "cylinder": lambda mode: _round(mode, 2),
        "sphere": lambda mode: _round(mode, 3),
    }.items()
}

OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = dict.fromkeys(ORACLES, grid_of)

_GRID = {"height", "width", "depth", "channels", "step_depth"}
_DEPTH = {"patch_depth", "patch_depth_after"}
_ELSEWHERE = {"cuboid": _GRID | _DEPTH | {"patch_width_after"}, "cylinder": _GRID | _DEPTH, "sphere": _GRID}
ELSEWHERE = {stem: _ELSEWHERE[stem.split("_")[1]] for stem in ORACLES}
"""In `test_geometry`: no grid of more than one axis has both 5 and 6 cells."""

CLASSES: dict[str, Any] = {stem: getattr(interdependence, stem.title().replace("_", "")) for stem in ORACLES}


def _wrong(name: str, given: dict[str, Any], error: type[Exception], match: str, kinds: str = "") -> list[Wrong]:
    """What both functions of a kind of patch refuse, on a grid of 12 items."""
    return [
        (f"{stem} {name}", lambda cls=cls: cls(12, 12, **given), error, match)
        for stem, cls in CLASSES.items()
        if stem.split("_")[1] in (kinds or stem)
    ]


ERRORS: list[Wrong] = [
    *_wrong(
        "sizes",
        {"height": 3, "width": 3},
        ValueError,
        r"^height × width × depth × channels must be 12, the number of items, got 3 × 3 × 1 × 1 = 9\.$",
    ),
    *_wrong(
        "sizes of channels",
        {"height": 3, "width": 2, "depth": 1, "channels": 3},
        ValueError,
        r"must be 12, the number of items, got 3 × 2 × 1 × 3 = 18\.$",
    ),
    *_wrong(
        "no height fits",
        {"width": 5, "channels": 2},
        ValueError,
        r"^width × depth × channels must divide the 12 items, got 5 × 1 × 2 = 10\.$",
    ),
    *_wrong("height 0", {"height": 0}, ValueError, r"^height must be >= 1, got 0\.$"),
    *_wrong("width 0", {"width": 0}, ValueError, r"^width must be >= 1, got 0\.$"),
    *_wrong("depth 1.0", {"depth": 1.0}, TypeError, r"^depth must be a whole number, got 1\.0\.$"),
    *_wrong("channels -1", {"channels": -1}, ValueError, r"^channels must be >= 1, got -1\.$"),
    *_wrong("step 0", {"step_height": 0}, ValueError, r"^step_height must be >= 1, got 0\.$"),
    *_wrong("step of a width", {"step_width": -1}, ValueError, r"^step_width must be >= 1, got -1\.$"),
    *_wrong("step of a depth", {"step_depth": 1.5}, TypeError, r"^step_depth must be a whole number, got 1\.5\.$"),
    *_wrong(
        "packing",
        {"packing": "complete_sqare"},
        ValueError,
        "^packing must be one of sparse_square, .*, got 'complete_sqare'; did you mean complete_square",
        "cuboid cylinder",
    ),
    *_wrong(
        "packing of a sphere",
        {"packing": "complete_square"},
        ValueError,
        "^packing must be one of sparse_simple_cubic, .*, densest_packing, got 'complete_square'",
        "sphere",
    ),
    *_wrong("packing None", {"packing": None}, ValueError, "^packing must be one of .*, got None", ""),
    *_wrong(
        "a patch as high as the grid",
        {"width": 4, "patch_height": 3},
        ValueError,
        r"^patch_height must be < the grid's height 3, got 3\.$",
        "cuboid",
    ),
    *_wrong(
        "a patch as high as the grid, after",
        {"width": 4, "patch_height_after": 3},
        ValueError,
        r"^patch_height_after must be < the grid's height 3, got 3\.$",
        "cuboid",
    ),
    *_wrong(
        "a patch as wide as the grid",
        {"patch_width": 1},
        ValueError,
        r"^patch_width must be < the grid's width 1, got 1\.$",
        "cuboid",
    ),
    *_wrong(
        "a patch as deep as the grid",
        {"depth": 2, "patch_depth": 2},
        ValueError,
        r"^patch_depth must be < the grid's depth 2, got 2\.$",
        "cuboid cylinder",
    ),
    *_wrong("a patch below 0", {"patch_depth": -1}, ValueError, r"^patch_depth must be >= 0, got -1\.$", "cylinder"),
    *_wrong("half a patch", {"patch_height": 0.5}, TypeError, "^patch_height must be a whole number", "cuboid"),
    *_wrong("radius 0", {"radius": 0}, ValueError, r"^radius must be > 0, got 0\.$", "cylinder sphere"),
    *_wrong("radius inf", {"radius": math.inf}, ValueError, r"^radius must be finite, got inf\.$", "cylinder sphere"),
    *_wrong(
        "radius of the width",
        {"width": 2, "radius": 2.5},
        ValueError,
        r"^radius must be < the grid's width 2, got 2\.5\.$",
        "cylinder sphere",
    ),
    *_wrong(
        "radius of the depth",
        {"height": 6, "depth": 2, "radius": 2},
        ValueError,
        r"^radius must be < the grid's depth 2, got 2\.$",
        "sphere",
    ),
]
