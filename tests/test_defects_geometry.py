"""Mistakes that a library of the same functions has made with grids, by the number under which they are kept.

Some have no place here. N09, N29: there is nothing to update and no argument of `calculate_A` that a kept matrix could
ignore; a function of another grid is another object. N14, N15, N30: grids and patches are numbers, without a centre to
move or to share; a patch that lies beside its centre is told by its half-widths. C27: there is no mode, but a class of
each.
"""

import pytest
import torch

import hybridfuse.interdependence
from catalogue import POSTPROCESSES, data, dense
from families.geometry import CLASSES, box, left_out, padding, tube
from hybridfuse.fusion.sum import Sum
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES

CUBOIDS = ["grid_cuboid_padding", "grid_cuboid_aggregation"]


def test_n09_n15_functions_share_nothing() -> None:
    first, second = (CLASSES["grid_cuboid_aggregation"](2, 9, width=3, patch_height=reach) for reach in (0, 1))
    assert torch.equal(dense(first.calculate_A()), torch.eye(9))
    first.offsets += 1
    assert torch.equal(second.offsets, torch.tensor(box((1, 1), (1, 1), (0, 0))))
    assert dense(second.calculate_A()).sum() == 49


@pytest.mark.parametrize("stem", ["grid_cylinder_padding", "grid_cylinder_aggregation"])
def test_n13_a_cylinder_reaches_as_deep_as_it_is_told(stem: str) -> None:
    for before, after in [(0, 2), (2, 0), (1, 2)]:
        xi = CLASSES[stem](2, 27, width=3, depth=3, patch_depth=before, patch_depth_after=after)
        assert [tuple(offset) for offset in xi.offsets.tolist()] == tube(1.0, before, after)


@pytest.mark.parametrize("stem", CLASSES)
def test_n14_cells_are_items_of_the_grid(stem: str) -> None:
    xi = CLASSES[stem](2, 24, width=3, depth=2, channels=2)
    rows, columns = dense(xi.calculate_A()).nonzero().unbind(1)
    assert rows.unique().tolist() == list(range(24))
    assert columns.max() < xi.p


@pytest.mark.parametrize("stem", CLASSES)
def test_n21_steps_count_one_by_one(stem: str) -> None:
    assert CLASSES[stem](2, 64, width=4, depth=4, step_height=2, step_width=2).steps == (2, 2, 1)


@pytest.mark.parametrize("stem", CUBOIDS)
def test_n29_c06_c12_all_channels_are_in_the_matrix(stem: str) -> None:
    xi = CLASSES[stem](2, 12, width=2, channels=3)
    xi(data(2, 12, dtype=torch.float32))
    assert xi.calculate_A().shape == (12, xi.calculate_m_prime())
    assert xi.calculate_m_prime() == xi(data(2, 12)).shape[1] == (12 if "aggregation" in stem else 12 * 9)


def test_n30_a_patch_beside_its_centre() -> None:
    """Before it alone, which is the patch after it from another cell."""
    before = CLASSES["grid_cuboid_aggregation"](2, 6, patch_height=1, patch_height_after=0)
    after = CLASSES["grid_cuboid_aggregation"](2, 6, patch_height=0, patch_height_after=1)
    assert torch.equal(dense(before.calculate_A())[:, 1:], dense(after.calculate_A())[:, :-1])


@pytest.mark.parametrize("stem", CUBOIDS)
def test_n31_complete_packings_of_asymmetric_patches_are_complete(stem: str) -> None:
    for before, after in [(2, 0), (0, 2), (1, 0), (0, 1), (3, 1), (1, 3)]:
        xi = CLASSES[stem](2, 8, packing="complete_square", patch_height=before, patch_height_after=after)
        assert xi.steps[0] <= before + after + 1
        assert not left_out((8, 1, 1), xi.steps, box((before, after), (0, 0), (0, 0)))


@pytest.mark.parametrize("stem", CLASSES)
def test_n35_c02_c08_every_function_can_be_built_as_it_is(stem: str) -> None:
    xi = CLASSES[stem](2, 9, height=3, width=3)
    assert xi.steps == (1, 1, 1)
    given = CLASSES[stem](2, 9, height=3, width=3, packing="densest_packing")
    assert torch.equal(dense(xi.calculate_A()), dense(given.calculate_A()))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", CUBOIDS)
def test_c06_a_hybrid_of_channels(stem: str, kind: str) -> None:
    b, m = (2, 12) if kind == "attribute" else (12, 2)
    parts = {name: CLASSES[stem](b, m, kind, width=2, channels=3) for name in ("one", "two")}
    hybrid = HybridInterdependence(b, m, kind, interdependence_functions=parts, fusion_function=Sum())
    x = data(b, m, dtype=torch.float32)
    assert hybrid.calculate_A(x).shape == (12, parts["one"].p)
    torch.testing.assert_close(hybrid(x), 2 * parts["one"](x))


def test_c09_an_aggregation_of_some_centres() -> None:
    xi = CLASSES["grid_cuboid_aggregation"](2, 16, width=4, step_height=2, step_width=2)
    x = data(2, 16, dtype=torch.float32)
    assert xi.calculate_m_prime() == 4
    expected = torch.nn.functional.avg_pool2d(x.reshape(2, 1, 4, 4), 3, 2, 1) * 9
    torch.testing.assert_close(xi(x), expected.reshape(2, 4))


@pytest.mark.parametrize("stem", CUBOIDS)
def test_c10_channels_of_instances(stem: str) -> None:
    xi, x = CLASSES[stem](12, 5, "instance", width=2, channels=3), data(12, 5, dtype=torch.float32)
    torch.testing.assert_close(xi(x), dense(xi.calculate_A()).T @ x)
    attribute = CLASSES[stem](5, 12, width=2, channels=3)
    torch.testing.assert_close(xi(x), attribute(x.T).T)


@pytest.mark.parametrize("stem", CLASSES)
def test_c11_a_transposed_batch(stem: str) -> None:
    xi, x = CLASSES[stem](5, 12, width=2, channels=3), data(12, 5, dtype=torch.float32).T
    assert not x.is_contiguous()
    torch.testing.assert_close(xi(x), x @ dense(xi.calculate_A()))


def test_c27_there_is_no_other_mode() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'GridCuboidPading'"):
        _ = hybridfuse.interdependence.GridCuboidPading


@pytest.mark.parametrize("stem", CLASSES)
def test_d05_double_precision(stem: str) -> None:
    thirds = CLASSES[stem](2, 12, width=4, normalization=POSTPROCESSES["row"]())
    for xi in (thirds, CLASSES[stem](2, 12, width=4, normalization=POSTPROCESSES["row"]()).double()):
        matrix = dense(xi.calculate_A(data(2, 12)))
        assert matrix.dtype == torch.float64
        torch.testing.assert_close(matrix.sum(dim=1), torch.ones(12, dtype=torch.float64), rtol=1e-7, atol=0)
    assert "stored.values" in thirds.state_dict()


@pytest.mark.parametrize("stem", CUBOIDS)
def test_d13_a_normalised_grid_of_4096_cells_stays_sparse(stem: str) -> None:
    """Dense, it would take 67 MB or more."""
    for name in ("row", "column", "symmetric"):
        xi = CLASSES[stem](1, 4096, width=64, patch_height=2, normalization=POSTPROCESSES[name]())
        assert xi.calculate_A().values().numel() == (5 * 64 - 6) ** 2
        assert sum(buffer.numel() * buffer.element_size() for buffer in xi.buffers()) < 2e6


@pytest.mark.parametrize("stem", CLASSES)
def test_d14_cells_outside_of_the_grid_are_not_stored(stem: str) -> None:
    matrix = CLASSES[stem](2, 27, width=3, depth=3).calculate_A()
    assert matrix.values().eq(1.0).all()
    assert len(matrix.values()) == dense(matrix).sum()
    if stem == "grid_cuboid_padding":
        expected = torch.from_numpy(padding((3, 3, 3), 1, (1, 1, 1), box((1, 1), (1, 1), (0, 0)))).float()
        assert torch.equal(dense(matrix), expected)
        assert len(matrix.values()) == 3 * 49
