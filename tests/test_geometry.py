"""Patches on grids: convolutions, packings, and forwards that never build a matrix."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from catalogue import POSTPROCESSES, data, dense
from families.geometry import CLASSES, MATRIX, ball, box, cells, left_out, tube
from hybridfuse.functional import patch
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence.base import TYPES

Extents = tuple[int, int, int]
GRIDS: list[tuple[Extents, int]] = [
    ((1, 1, 1), 1),
    ((1, 1, 1), 3),
    ((5, 1, 1), 2),
    ((1, 4, 1), 1),
    ((1, 1, 4), 2),
    ((4, 3, 1), 1),
    ((3, 4, 1), 3),
    ((1, 3, 4), 2),
    ((3, 3, 3), 1),
    ((4, 3, 2), 2),
]
PADDED = [stem for stem in CLASSES if stem.endswith("padding")]


def _sizes(extents: Extents, channels: int) -> dict[str, Any]:
    return {**dict(zip(("height", "width", "depth"), extents, strict=True)), "channels": channels}


def _built(stem: str, extents: Extents, channels: int, kind: str = "attribute", d: int = 2, **given: Any) -> Any:
    n = math.prod(extents) * channels
    b, m = (d, n) if kind == "attribute" else (n, d)
    return CLASSES[stem](b, m, kind, **_sizes(extents, channels), **given)


def _patches(stem: str, extents: Extents) -> Iterator[tuple[dict[str, Any], list[tuple[int, ...]]]]:
    """Options of patches that fit on a grid, and their offsets."""
    most = [min(extent - 1, 2) for extent in extents]
    depths = sorted({(0, 0), (most[2], 0), (0, most[2]), (most[2], most[2])})
    shape = stem.split("_")[1]
    if shape == "cuboid":
        for before in itertools.product(*(range(reach + 1) for reach in most)):
            for after in {before, tuple(most), (0, most[1], 0)}:
                named = {
                    f"patch_{axis}": cells for axis, cells in zip(("height", "width", "depth"), before, strict=True)
                }
                later = zip(("height", "width", "depth"), after, strict=True)
                named |= {f"patch_{axis}_after": cells for axis, cells in later}
                yield named, box(*zip(before, after, strict=True))
        return
    for radius in (0.5, 1, 1.5, 2.0, math.sqrt(5), math.sqrt(8)):
        if any(1 < extent <= radius for extent in extents[: 2 if shape == "cylinder" else 3]):
            continue
        if shape == "sphere":
            yield {"radius": radius}, ball(radius, 3, extents)
        else:
            for before, after in depths:
                given = {"radius": radius, "patch_depth": before, "patch_depth_after": after}
                yield given, tube(radius, before, after, extents)


@pytest.mark.parametrize("stem", CLASSES)
def test_any_grid_and_patch(stem: str) -> None:
    """Against loops over cells; A of all channels, whatever the type."""
    tried = 0
    for extents, channels in GRIDS:
        for given, offsets in _patches(stem, extents):
            for steps in [(1, 1, 1), (2, 1, 2), (3, 2, 5)]:
                tried += 1
                own = dict(zip(("step_height", "step_width", "step_depth"), steps, strict=True))
                xi = _built(stem, extents, channels, TYPES[tried % 2], **given, **own)
                expected = torch.from_numpy(MATRIX[stem.split("_")[2]](extents, channels, steps, offsets))
                matrix = xi.calculate_A()
                assert matrix.shape == (xi.n, xi.p) == expected.shape
                assert torch.equal(dense(matrix).double(), expected)
                assert matrix.values().eq(1.0).all()
    assert tried > 100


@pytest.mark.parametrize("stem", CLASSES)
def test_a_matrix_is_compressed_in_order(stem: str) -> None:
    for extents, channels in GRIDS:
        matrix = _built(stem, extents, channels, packing="densest_packing", step_height=2).calculate_A()
        plain = dense(matrix).to_sparse_csr()
        assert torch.equal(matrix.crow_indices(), plain.crow_indices())
        assert torch.equal(matrix.col_indices(), plain.col_indices())


def test_patches_by_default() -> None:
    """One cell each way in height and width, where the grid has more than one; no way in depth."""
    cases: list[tuple[Extents, dict[str, Any], Any]] = [
        ((5, 1, 1), {}, ((1, 1), (0, 0), (0, 0))),
        ((1, 5, 1), {}, ((0, 0), (1, 1), (0, 0))),
        ((4, 3, 2), {}, ((1, 1), (1, 1), (0, 0))),
        ((9, 3, 2), {"patch_height": 4}, ((4, 4), (2, 2), (0, 0))),
        ((9, 9, 2), {"patch_height": 4, "patch_depth": 1}, ((4, 4), (4, 4), (1, 1))),
        ((9, 9, 9), {"patch_height": 4, "patch_height_after": 1}, ((4, 1), (4, 4), (0, 0))),
        ((9, 9, 9), {"patch_width": 3}, ((1, 1), (3, 3), (0, 0))),
        ((9, 9, 9), {"patch_height": 0}, ((0, 0), (0, 0), (0, 0))),
        ((9, 9, 9), {"patch_depth": 2, "patch_depth_after": 0}, ((1, 1), (1, 1), (2, 0))),
    ]
    for extents, given, reaches in cases:
        assert _built("grid_cuboid_padding", extents, 1, **given).offsets.tolist() == [list(o) for o in box(*reaches)]


def test_the_height_is_filled_in() -> None:
    for m, given, extents in [
        (12, {}, (12, 1, 1)),
        (12, {"width": 3}, (4, 3, 1)),
        (12, {"width": 2, "depth": 3}, (2, 2, 3)),
        (12, {"width": 2, "channels": 3}, (2, 2, 1)),
        (12, {"width": 4, "channels": 3}, (1, 4, 1)),
    ]:
        for stem in CLASSES:
            assert CLASSES[stem](5, m, **given).extents == extents
            assert CLASSES[stem](m, 5, "instance", **given).extents == extents


def test_a_radius_of_a_root_reaches_its_cells() -> None:
    """√3² is below 3 in floating point."""
    assert math.sqrt(3) ** 2 < 3
    for radius, reached in [(math.sqrt(3), True), (1.732050808, True), (1.7320, False)]:
        xi = _built("grid_sphere_padding", (3, 3, 3), 1, radius=radius)
        assert ([1, 1, 1] in xi.offsets.tolist()) == reached


# Packings

STATED: dict[str, dict[str, Callable[[float], tuple[float, float, float]]]] = {
    "cuboid": {
        "sparse_square": lambda p: (3 * p, 3 * p, 3 * p),
        "complete_square": lambda p: (2 * p, 2 * p, 2 * p),
        "dense_square": lambda p: (p, p, p),
        "densest_packing": lambda p: (1, 1, 1),
    },
    "cylinder": {
        "sparse_square": lambda r: (2 * r, 2 * r, 2),
        "complete_square": lambda r: (2**0.5 * r, 2**0.5 * r, 2),
        "sparse_hexagonal": lambda r: (3**0.5 * r, 2 * r, 2),
        "complete_hexagonal": lambda r: (1.5 * r, 3**0.5 * r, 2),
        "dense_hexagonal": lambda r: (6**0.5 / 2 * r, 2**0.5 * r, 1),
        "denser_hexagonal": lambda r: (3**0.5 / 2 * r, r, 1),
        "densest_packing": lambda r: (1, 1, 0),
    },
    "sphere": {
        "sparse_simple_cubic": lambda r: (2 * r, 2 * r, 2 * r),
        "complete_simple_cubic": lambda r: (2 / 3 * 3**0.5 * r,) * 3,
        "dense_simple_cubic": lambda r: (r, r, r),
        "sparse_face_centered_cubic": lambda r: (2 * r, 3**0.5 * r, 2 / 3 * 6**0.5 * r),
        "complete_face_centered_cubic": lambda r: (2**0.5 * r, 2 / 3 * 6**0.5 * r, 4 / 3 * r),
        "dense_face_centered_cubic": lambda r: (r, r, r),
        "sparse_hexagonal": lambda r: (2 * r, 2 * r, 6**0.5 * r),
        "complete_hexagonal": lambda r: (2 / 3 * 3**0.5 * r, 2 / 3 * 3**0.5 * r, r),
        "dense_hexagonal": lambda r: (r, r, r),
        "densest_packing": lambda r: (1, 1, 1),
    },
}
KINDS = [(shape, packing) for shape, packings in STATED.items() for packing in packings]


def _symmetric_patch(shape: str, size: int, extents: Extents) -> dict[str, Any]:
    """Of one half-width or radius; 2 cells deep before and after, for a cylinder."""
    if shape == "cuboid":
        return {"patch_height": size, "patch_width": size, "patch_depth": size}
    return {"radius": size, "patch_depth": 2} if shape == "cylinder" else {"radius": size}


def test_there_is_a_row_for_each_packing() -> None:
    assert STATED["cuboid"].keys() == patch.CUBOID.keys()
    assert STATED["cylinder"].keys() == patch.CYLINDER.keys()
    assert STATED["sphere"].keys() == patch.SPHERE.keys()


@pytest.mark.parametrize(("shape", "packing"), KINDS)
def test_steps_are_those_of_the_packing(shape: str, packing: str) -> None:
    """In a grid that they divide, less one cell: there nothing is left out, so that a complete one may take them."""
    for size in range(1, 8):
        height, width, depth = STATED[shape][packing](size)
        deep = 2 * depth if shape == "cylinder" else depth
        stated = tuple(max(1, math.floor(step)) for step in (height, width, deep))
        extents = tuple(step * math.ceil((size + 2) / step) + 1 for step in stated)
        xi = _built(f"grid_{shape}_aggregation", extents, 1, packing=packing, **_symmetric_patch(shape, size, extents))
        if packing.startswith("complete") and left_out(extents, stated, [tuple(o) for o in xi.offsets.tolist()]):
            assert xi.steps != stated
            assert "hexagonal" in packing or "face" in packing
        else:
            assert xi.steps == stated
        assert xi.centres == tuple(len(range(0, e, s)) for e, s in zip(extents, xi.steps, strict=True))


def _asymmetric(shape: str) -> Iterator[dict[str, Any]]:
    if shape == "cuboid":
        for before, after in itertools.product(range(4), repeat=2):
            yield {"patch_height": before, "patch_height_after": after, "patch_width": after, "patch_width_after": 1}
    elif shape == "cylinder":
        for radius, before, after in itertools.product((1.0, 1.5, 2.0, 3.3), (0, 2), (0, 1)):
            yield {"radius": radius, "patch_depth": before, "patch_depth_after": after}
    else:
        yield from ({"radius": radius} for radius in (1.0, 1.5, 2.0, 2.5, 3.0, 3.7))


@pytest.mark.parametrize(("shape", "packing"), [kind for kind in KINDS if kind[1].startswith("complete")])
def test_complete_packings_cover_every_cell(shape: str, packing: str) -> None:
    """And no larger steps of the packing would, as trying them all shows."""
    tried = 0
    for extents in itertools.product((4, 7, 8, 11), (4, 6), (4,) if shape == "sphere" else (3,)):
        for given in _asymmetric(shape):
            xi = _built(f"grid_{shape}_aggregation", extents, 1, packing=packing, **given)
            offsets = [tuple(offset) for offset in xi.offsets.tolist()]
            assert not left_out(extents, xi.steps, offsets)
            tried += 1
            if tried % 31 == 0:
                limits = _limits(shape, packing, given.get("radius"), offsets)
                every = itertools.product(*(range(1, limit + 1) for limit in limits))
                covering = [steps for steps in every if not left_out(extents, steps, offsets)]
                assert math.prod(xi.centres) == min(len(cells(extents, steps)) for steps in covering)
                assert xi.steps in covering
    assert tried >= 48


def _limits(shape: str, packing: str, radius: float | None, offsets: list[tuple[int, ...]]) -> list[int]:
    """Steps of a packing along each axis; in a box, by the mean of both half-widths."""
    means = [(max(side) - min(side)) / 2 for side in zip(*offsets, strict=True)]
    stated = STATED[shape][packing]
    steps = [stated(mean if radius is None else radius)[axis] for axis, mean in enumerate(means)]
    if shape == "cylinder":
        steps[2] *= means[2]
    return [max(1, math.floor(step)) for step in steps]


@pytest.mark.parametrize("shape", STATED)
def test_steps_of_ones_own_replace_those_of_the_packing_one_by_one(shape: str) -> None:
    axes = ("step_height", "step_width", "step_depth")
    packing = next(iter(STATED[shape]))
    packed = _built(f"grid_{shape}_padding", (7, 7, 7), 1, packing=packing).steps
    for chosen in itertools.product((None, 1, 5, 9), repeat=3):
        xi = _built(f"grid_{shape}_padding", (7, 7, 7), 1, packing=packing, **dict(zip(axes, chosen, strict=True)))
        assert xi.steps == tuple(step or own for step, own in zip(chosen, packed, strict=True))


# Convolution


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("extents", "channels", "reach", "steps"),
    [
        ((9, 8, 1), 1, (1, 1, 0), (1, 1, 1)),
        ((9, 8, 1), 3, (2, 1, 0), (1, 1, 1)),
        ((9, 8, 1), 2, (1, 2, 0), (2, 3, 1)),
        ((7, 1, 1), 3, (2, 0, 0), (2, 1, 1)),
        ((5, 6, 4), 2, (1, 2, 1), (1, 1, 1)),
        ((5, 6, 4), 3, (1, 1, 1), (2, 1, 3)),
    ],
)
def test_padding_and_a_learned_matrix_are_a_convolution(
    extents: Extents, channels: int, reach: Extents, steps: Extents, kind: str
) -> None:
    """With stride and zero padding, and with the gradients of both; conv2d where the grid is flat."""
    named = ("height", "width", "depth")
    given = {f"patch_{axis}": cells for axis, cells in zip(named, reach, strict=True)}
    given |= {f"step_{axis}": step for axis, step in zip(named, steps, strict=True)}
    xi = _built("grid_cuboid_padding", extents, channels, kind, d=4, **given)
    flat = extents[2] == 1
    axes = 2 if flat else 3
    kernel = [2 * cells + 1 for cells in reach][:axes]
    x = data(4, math.prod(extents) * channels, dtype=torch.float32).requires_grad_()
    psi = data(5, channels * math.prod(kernel), seed=1, dtype=torch.float32).requires_grad_()

    images = x.reshape(4, channels, *extents[:axes])
    convolve = functional.conv2d if flat else functional.conv3d
    expected = convolve(images, psi.reshape(5, channels, *kernel), stride=steps[:axes], padding=reach[:axes])
    patches = xi(x) if kind == "attribute" else xi(x.T).T
    by_hand = (patches.reshape(4, math.prod(xi.centres), -1) @ psi.T).mT.reshape(expected.shape)

    torch.testing.assert_close(by_hand, expected, rtol=1e-5, atol=1e-5)
    weights = data(*expected.reshape(4, -1).shape, seed=2, dtype=torch.float32).reshape(expected.shape)
    for ours, theirs in zip(
        *(torch.autograd.grad((y * weights).sum(), (x, psi)) for y in (by_hand, expected)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_padding_is_unfold() -> None:
    """Whose columns go by channel, then cell, then centre."""
    x = data(4, 3 * 64 * 16, dtype=torch.float32)
    xi = _built("grid_cuboid_padding", (64, 16, 1), 3, patch_height=2)
    unfolded = functional.unfold(x.reshape(4, 3, 64, 16), 5, padding=2)
    assert torch.equal(xi(x).reshape(4, 64 * 16, 75), unfolded.mT)


@pytest.mark.parametrize("channels", [1, 3])
def test_aggregation_is_a_convolution_of_each_channel(channels: int) -> None:
    x = data(4, channels * 6 * 7 * 5, dtype=torch.float32)
    for shape, given in [("cuboid", {"patch_height": 1, "patch_depth": 1}), ("sphere", {"radius": 2.0})]:
        steps = {"step_height": 2, "step_depth": 3}
        xi = _built(f"grid_{shape}_aggregation", (6, 7, 5), channels, **given, **steps)
        reach = int(xi.offsets.max())
        kernel = torch.zeros(channels, 1, *(2 * reach + 1,) * 3)
        kernel[(slice(None), 0, *(xi.offsets + reach).unbind(1))] = 1.0
        images = x.reshape(4, channels, 6, 7, 5)
        expected = functional.conv3d(images, kernel, stride=(2, 1, 3), padding=reach, groups=channels)
        torch.testing.assert_close(xi(x).reshape(4, -1, channels).mT.reshape(expected.shape), expected)


# The product without a matrix

NORMALISED: list[Any] = [None, *(POSTPROCESSES[stem]() for stem in ("row", "column", "symmetric", "softmax_column"))]


def _some(stem: str, kind: str, normalization: Any, d: int = 3) -> Any:
    """A grid of two channels with some steps and a patch that is not symmetric, where it can be."""
    given: dict[str, Any] = {"radius": 1.5} if "cuboid" not in stem else {"patch_height": 1, "patch_width_after": 0}
    return _built(stem, (4, 3, 2), 2, kind, d, **given, step_height=2, normalization=normalization)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", CLASSES)
def test_forward_is_the_product_with_the_matrix(stem: str, kind: str) -> None:
    """To the last digit where a column has one entry; of any batch, memory order and dtype."""
    for normalization in NORMALISED:
        xi = _some(stem, kind, normalization)
        for dtype in (torch.float32, torch.bfloat16, torch.float64):
            for d in (1, 3, 8):
                x = data(d, 48, dtype=dtype) if kind == "attribute" else data(48, d, dtype=dtype)
                wide = torch.zeros(x.shape[0], 2 * x.shape[1], dtype=dtype)
                wide[:, ::2] = x
                for same in (x, x.T.contiguous().T, wide[:, ::2], x.flip(0).flip(0)):
                    kappa_x = same if kind == "attribute" or d == 3 else None
                    if kind == "attribute" or kappa_x is not None:
                        got, matrix = xi(same), dense(xi.calculate_A(same))
                    else:
                        got, matrix = xi(kappa_x=same), dense(xi.calculate_A())
                    expected = _times(same, matrix.to(dtype), kind)
                    assert got.dtype == dtype
                    exact = stem in PADDED
                    tolerance = 0.0 if exact else 4 * torch.finfo(dtype).eps
                    torch.testing.assert_close(got, expected, rtol=tolerance, atol=8 * tolerance)


def _times(x: Tensor, matrix: Tensor, kind: str) -> Tensor:
    wide, entries = (x.double(), matrix.double())
    return (wide @ entries if kind == "attribute" else entries.T @ wide).to(x.dtype)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", CLASSES)
def test_derivatives_of_forward(stem: str, kind: str) -> None:
    for normalization in (None, POSTPROCESSES["symmetric"]()):
        xi = _built(stem, (3, 2, 1), 2, kind, step_height=2, normalization=normalization).double()
        x = (data(2, 12) if kind == "attribute" else data(12, 2)).requires_grad_()
        assert gradcheck(xi, x)
        assert gradgradcheck(xi, x)


@pytest.mark.parametrize("stem", PADDED)
def test_what_is_not_finite_stays_in_its_patches(stem: str) -> None:
    """A cell outside of the grid is 0, not 0 times a cell."""
    for kind in TYPES:
        xi = _some(stem, kind, POSTPROCESSES["row"]())
        x = torch.zeros(3, 48) if kind == "attribute" else torch.zeros(48, 3)
        x[0, 0] = torch.inf
        hit = dense(xi.calculate_A())[0].ne(0)
        got = xi(x)[0] if kind == "attribute" else xi(x)[:, 0]
        assert torch.equal(got.isinf(), hit)
        assert not got.isnan().any()


@pytest.mark.parametrize("stem", PADDED)
@pytest.mark.parametrize("kind", TYPES)
def test_patches_lie_in_memory_as_the_data_do(stem: str, kind: str) -> None:
    x = data(3, 48) if kind == "attribute" else data(48, 3)
    assert _some(stem, kind, None)(x).is_contiguous()


@pytest.mark.parametrize("stem", CLASSES)
def test_forward_follows_what_is_loaded(stem: str) -> None:
    """A function that has been used gives the product with the matrix of the state that it is given."""
    x = data(3, 48, dtype=torch.float32)
    for first, second in itertools.permutations(NORMALISED[:3], 2):
        xi, other = _some(stem, "attribute", first), _some(stem, "attribute", second)
        xi(x)
        xi.load_state_dict(other.state_dict())
        torch.testing.assert_close(xi(x), x @ dense(other.calculate_A()))


def test_forward_of_a_padding_never_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    xi, other = (_some(f"grid_cuboid_{mode}", "attribute", None) for mode in ("padding", "aggregation"))
    monkeypatch.setattr(Stored, "product", None)
    x = data(3, 48, dtype=torch.float32)
    assert xi(x).shape == (3, xi.p)
    with pytest.raises(TypeError, match="not callable"):
        other(x)


def test_memory_is_that_of_the_entries() -> None:
    """64 × 64 cells in 3 channels: 3 · (5 · 64 − 6)² entries, and nothing of n × n."""
    xi = _built("grid_cuboid_aggregation", (64, 64, 1), 3, patch_height=2, normalization=POSTPROCESSES["symmetric"]())
    entries = 3 * (5 * 64 - 6) ** 2
    assert xi.calculate_A().values().numel() == entries
    held = sum(buffer.numel() * buffer.element_size() for buffer in xi.buffers())
    assert held <= entries * (4 + 8) + 8 * (3 * 64 * 64 + 1)
