"""Fusions beyond their formulas: what they let go, what zeros do, what can be read from them."""

import copy
import gc
import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from catalogue import FUSIONS, data, dense, finite, flat, fusion_of, matrices, sparse_matrix
from families.fusions import CONSTRAINT
from hybridfuse.fusion.folded_base import FoldedBase
from hybridfuse.fusion.weighted_base import WeightedBase

FOLDED = [stem for stem, cls in FUSIONS.items() if issubclass(cls, FoldedBase)]
KEEPS_NOTHING = ["max", "mean", "min", "sum", "weighted_sum"]
SUMS = [stem for stem in FUSIONS if fusion_of(stem, [5] * 3).coefficients(3) is not None]
WEIGHTED = [stem for stem, cls in FUSIONS.items() if issubclass(cls, WeightedBase)]


def _watched(given: list[Tensor], alive: list[int], made: list[weakref.ref[Tensor]]) -> Iterator[Tensor]:
    """Products with 1, which nobody else holds; counts how many of those before are still there."""
    for one in given:
        gc.collect()
        alive.append(sum(ref() is not None for ref in made))
        matrix = one * 1.0
        made.append(weakref.ref(matrix))
        yield matrix
        del matrix


@pytest.mark.parametrize("stem", FOLDED)
def test_a_matrix_is_let_go_once_absorbed(stem: str) -> None:
    alive: list[int] = []
    with torch.no_grad():
        fusion_of(stem)(_watched(matrices(6), alive, []))
    assert alive == [0] * 6


@pytest.mark.parametrize("block", [1, 100])
@pytest.mark.parametrize("stem", KEEPS_NOTHING)
def test_a_matrix_is_let_go_where_its_gradient_needs_no_entries(
    stem: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", block)
    inputs, alive = [matrix.requires_grad_() for matrix in matrices(11)], list[int]()
    options = {"weights": [0.5] * 11} if stem == "weighted_sum" else {}
    fused = fusion_of(stem, **options)(_watched(inputs, alive, []))
    assert alive == [0] * 11
    slope = data(4, 5, seed=9)
    got = torch.autograd.grad(fused, inputs, slope)
    expected = torch.autograd.grad(fusion_of(stem, **options)(inputs), inputs, slope)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def _with_ties(number: int) -> list[Tensor]:
    """Whole numbers in each third row, zeros among them."""
    rows = (torch.arange(37) % 3 == 0)[:, None]
    return [torch.where(rows, matrix.round(), matrix).requires_grad_() for matrix in matrices(number, 37, 3)]


@pytest.mark.parametrize("stem", [*FOLDED, "median", "trimmed_mean"])
@pytest.mark.parametrize("number", [1, 2, 5, 11])
def test_many_rows_are_done_in_blocks(stem: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"weights": [0.5 + index for index in range(number)]} if stem == "weighted_sum" else {}
    fusion, inputs, slope = fusion_of(stem, **options), _with_ties(number), data(37, 3, seed=9)
    whole = fusion(inputs)
    expected = torch.autograd.grad(whole, inputs, slope)
    monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", 1)
    for given in (inputs, iter(inputs)):
        blocks = fusion(given)
        torch.testing.assert_close(blocks, whole, rtol=1e-13, atol=1e-13)
        for ours, theirs in zip(torch.autograd.grad(blocks, inputs, slope), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(fusion(iter(inputs)), whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("stem", FOLDED)
@pytest.mark.parametrize("block", [1, 100])
def test_the_fusion_of_one_matrix_is_a_matrix_of_its_own(
    stem: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", block)
    matrix = data(4, 5)
    for given in ([matrix], iter([matrix])):
        fusion_of(stem)(given).zero_()
    assert torch.equal(matrix, data(4, 5))


@pytest.mark.parametrize("block", [1, 100])
def test_a_stream_takes_the_widest_dtype(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", block)
    inputs = [data(4, 5, seed, dtype) for seed, dtype in enumerate((torch.bfloat16, torch.float64, torch.float32))]
    for stem in ("sum", "mean", "max", "prod"):
        fused = fusion_of(stem)(iter(inputs))
        assert fused.dtype == torch.float64
        torch.testing.assert_close(fused, fusion_of(stem)([matrix.double() for matrix in inputs]))


def _slopes(stem: str, *numbers: float) -> list[float]:
    inputs = [torch.tensor([[number]], dtype=torch.float64, requires_grad=True) for number in numbers]
    return [slope.item() for slope in torch.autograd.grad(fusion_of(stem)(inputs), inputs)]


@pytest.mark.parametrize(
    ("stem", "numbers", "slopes"),
    [
        ("prod", (0.0, 3.0, 5.0), [15.0, 0.0, 0.0]),
        ("prod", (0.0, 0.0, 5.0), [0.0, 0.0, 0.0]),
        ("l1_norm", (0.0, -2.0), [0.0, -1.0]),
        ("l2_norm", (0.0, 0.0), [0.0, 0.0]),
        ("l2_norm", (3.0, -4.0), [0.6, -0.8]),
        ("geometric_mean", (0.0, 4.0), [0.0, 0.0]),
        ("geometric_mean", (-2.0, -8.0), [-1.0, -0.25]),
        ("harmonic_mean", (0.0, 4.0), [2.0, 0.0]),
        ("harmonic_mean", (0.0, 0.0, 4.0), [0.75, 0.75, 0.0]),
        ("harmonic_mean", (1.0, -1.0), [0.0, 0.0]),
        ("median", (1.0, 1.0, 7.0), [0.5, 0.5, 0.0]),
        ("median", (2.0, 2.0, 2.0, 2.0), [0.25] * 4),
        ("trimmed_mean", (1.0, 1.0, 5.0, 9.0), [0.25, 0.25, 0.5, 0.0]),
        ("trimmed_mean", (1.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0), [0.0] + [1 / 7] * 7),
        ("max", (2.0, 2.0, 1.0), [0.5, 0.5, 0.0]),
        ("max", (1.0, *[2.0] * 10), [0.0] + [0.1] * 10),
        ("min", (2.0, 1.0, 1.0), [0.0, 0.5, 0.5]),
        ("median", (1.0, 2.0, 2.0, 7.0), [0.0, 0.5, 0.5, 0.0]),
        ("trimmed_mean", (3.0, 1.0, 2.0, 3.0, 3.0, 3.0, 2.0, 0.0), [0.125, 0.0, 0.25, 0.125, 0.125, 0.125, 0.25, 0.0]),
        ("trimmed_mean", (5.0, 1.0, 2.0, 3.0, 9.0), [1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]),
        ("harmonic_mean", (1.0, 3.0), [1.125, 0.125]),
        ("logsumexp", (1e3, 1e3), [0.5, 0.5]),
    ],
)
def test_slopes_at_zeros_and_ties(stem: str, numbers: tuple[float, ...], slopes: list[float]) -> None:
    assert _slopes(stem, *numbers) == pytest.approx(slopes)


@pytest.mark.parametrize(
    ("stem", "numbers", "value"),
    [
        ("geometric_mean", (-2.0, 8.0), -4.0),
        ("geometric_mean", (-2.0, -8.0), 4.0),
        ("geometric_mean", (-1.0, -1.0, -8.0), -2.0),
        ("geometric_mean", (0.0, 5.0), 0.0),
        ("harmonic_mean", (0.0, -0.0, 5.0), 0.0),
        ("harmonic_mean", (1.0, -1.0), 0.0),
        ("harmonic_mean", (1e-320, 5.0), 0.0),
        ("harmonic_mean", (1.5e308, 1.5e308, 1.5e308), 1.5e308),
        ("mean", (1.5e308, 1.5e308), 1.5e308),
        ("median", (1.5e308, 1.7e308), 1.6e308),
        ("l2_norm", (3e200, 4e200), 5e200),
        ("logsumexp", (1e308, -1e308), 1e308),
    ],
)
def test_values_where_formulas_fail(stem: str, numbers: tuple[float, ...], value: float) -> None:
    inputs = [torch.tensor([[number]], dtype=torch.float64) for number in numbers]
    assert fusion_of(stem)(inputs).item() == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1e3])
def test_logsumexp_at_any_temperature(temperature: float) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs = [(1e4 * matrix).to(dtype).requires_grad_() for matrix in matrices(3)]
        fused = fusion_of("logsumexp", temperature=temperature)([*inputs, inputs[0]])
        fused.sum().backward()
        assert finite(fused, *(matrix.grad for matrix in inputs))
        total = sum(matrix.grad for matrix in inputs)
        torch.testing.assert_close(total, torch.ones_like(total))


def test_products_of_sparse_matrices_hold_their_common_entries() -> None:
    parts = [sparse_matrix(6, 7, seed, share=0.7) for seed in range(3)]
    common = torch.stack([dense(part) != 0 for part in parts]).all(dim=0)
    assert 0 < common.sum() < (dense(parts[0]) != 0).sum()
    for given in (parts, [*parts, data(6, 7)]):
        fused = fusion_of("prod")(given)
        assert torch.equal(fused.to_dense() != 0, common)
        assert fused.values().numel() == common.sum()


def test_half_precision_is_reduced_in_single() -> None:
    inputs = [data(3, 4, seed, torch.bfloat16) for seed in range(9)]
    exact = torch.stack([matrix.double() for matrix in inputs]).sum(dim=0).bfloat16()
    assert torch.equal(fusion_of("sum")(inputs), exact)
    assert torch.equal(fusion_of("sum")(iter(inputs)), exact)


@pytest.mark.parametrize("stem", WEIGHTED)
def test_weights_can_be_read(stem: str) -> None:
    fusion = fusion_of(stem, [5] * 3).double()
    torch.testing.assert_close(
        fusion.weights().detach(), torch.full((3,), 1 / 3, dtype=torch.float64), check_dtype=False
    )
    fusion(matrices(3))
    for index, parameter in enumerate(fusion.parameters()):
        parameter.data = data(1, parameter.numel(), seed=50 + index).reshape(parameter.shape)
    fused, inputs = fusion(matrices(3)), matrices(3)
    assert fusion.weights().shape == (3,)
    if stem != "attention":
        expected = sum(weight * matrix for weight, matrix in zip(fusion.weights(), inputs, strict=True))
        torch.testing.assert_close(fused, expected)
    copied = copy.deepcopy(fusion)
    assert torch.equal(copied(inputs), fused)


@pytest.mark.parametrize("per_entry", [False, True])
def test_weights_of_attention_are_means_over_places(per_entry: bool) -> None:
    fusion = fusion_of("attention", [5] * 2, per_entry=per_entry).double()
    fusion.bias.data = torch.tensor([0.0, 1.0], dtype=torch.float64)
    fusion(matrices(2))
    torch.testing.assert_close(fusion.weights(), torch.tensor([0.0, 1.0], dtype=torch.float64).softmax(0))


@pytest.mark.parametrize("name", CONSTRAINT)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_constrained_weights_start_at_the_mean(name: str, k: int) -> None:
    fusion = fusion_of("weighted_sum_learned", [5] * k, constraint=CONSTRAINT[name])
    torch.testing.assert_close(fusion.weights().detach(), torch.full((k,), 1 / k))
    fusion.weight.data = torch.linspace(-3.0, -1.0, k)
    assert fusion.weights().min() > 0
    assert name != "softmax" or fusion.weights().sum().item() == pytest.approx(1)


@pytest.mark.parametrize("given", [{}, {"weights": [0.5, -2.0, 3.0]}], ids=["defaults", "weights"])
@pytest.mark.parametrize("stem", SUMS)
def test_coefficients_are_those_of_the_sum(stem: str, given: dict[str, list[float]]) -> None:
    fusion, inputs = fusion_of(stem, [5] * 3, **(given if stem == "weighted_sum" else {})).double(), matrices(3)
    for parameter in fusion.parameters():
        parameter.data = data(1, parameter.numel()).reshape(parameter.shape)
    coefficients = fusion.coefficients(3)
    assert coefficients is not None
    expected = sum(weight * matrix for weight, matrix in zip(coefficients, inputs, strict=True))
    torch.testing.assert_close(fusion(inputs), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("stem", ["attention", "gated"])
def test_weights_that_follow_the_matrices_have_their_dtype(stem: str) -> None:
    fusion = fusion_of(stem, [5] * 2).double()
    assert fusion(matrices(2, dtype=torch.float32)).dtype == torch.float32
    assert fusion.weights().dtype == torch.float32


def test_given_weights_are_state() -> None:
    """D08: they move, are cast and saved, lists are accepted, and the dtype is that of the matrices."""
    first = fusion_of("weighted_sum", weights=[2.0, -1.0])
    second = fusion_of("weighted_sum", weights=torch.zeros(2))
    second.load_state_dict(first.state_dict())
    inputs = matrices(2, dtype=torch.bfloat16)
    assert second(inputs).dtype == torch.bfloat16
    assert torch.equal(second(inputs), first.to(torch.bfloat16)(inputs))
    assert first.to("meta").weights.device.type == "meta"
    given = torch.ones(2)
    fusion_of("weighted_sum", weights=given).weights.zero_()
    assert given.eq(1).all()


def test_similarities_of_clusters_come_out_clearer() -> None:
    """Two noisy views of three groups: within a group more similar than before, relative to others."""
    groups = torch.arange(15) // 5
    same = (groups[:, None] == groups).double()
    views = [(same + 0.8 * data(15, 15, seed).abs()) for seed in range(2)]
    views = [(view + view.T) / 2 for view in views]
    fused = fusion_of("similarity_network", neighbors=4, iterations=5)(views)
    off = 1 - torch.eye(15, dtype=torch.float64)

    def contrast(matrix: Tensor) -> Tensor:
        return (matrix * same * off).sum() / (matrix * off).sum()

    assert contrast(fused) > 1.3 * max(contrast(view) for view in views)
    assert fused.min() >= 0
    assert fused.max() <= 1
    torch.testing.assert_close(fused, fused.T)


def test_a_concatenation_is_not_built_where_a_factor_can_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    fusion, inputs = fusion_of("concatenation_lowrank", [5] * 3).double(), matrices(3)
    psi = fusion.reconciliation().detach()
    expected = torch.cat(inputs, dim=1) @ psi.T
    monkeypatch.setattr(torch, "cat", None)
    torch.testing.assert_close(fusion(inputs), expected)
    monkeypatch.undo()
    assert flat(fusion).numel() == fusion.calculate_l() == 2 * (5 + 15)


@pytest.mark.parametrize("widths", [[6, 6], [4, 8], [5, 7]])
@pytest.mark.parametrize("stem", [stem for stem in FUSIONS if stem.startswith("concatenation_")])
def test_large_matrices_are_concatenated_by_blocks(
    stem: str, widths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the plain product in value and in gradients of any order, whether or not factors fit the widths."""
    monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", 1)
    monkeypatch.setattr("hybridfuse.reconciliation.kronecker_base.SMALL", 0)
    fusion = fusion_of(stem, widths, p=6).double()
    inputs = [data(5, width, seed).requires_grad_() for seed, width in enumerate(widths)]
    given, slope = [*inputs, *fusion.parameters()], data(5, 6, seed=9)
    expected = torch.cat(inputs, dim=1) @ fusion.reconciliation().mT
    with torch.no_grad():
        torch.testing.assert_close(fusion(inputs), expected)
    for create in (False, True):
        results = []
        for fused in (fusion(inputs), expected):
            results.append(torch.autograd.grad(fused, given, slope, create_graph=create, retain_graph=True))
        for ours, plain in zip(*results, strict=True):
            torch.testing.assert_close(ours, plain)
    squares = [torch.cat([one.flatten() for one in slopes]).square().sum() for slopes in results]
    of_slopes = [torch.autograd.grad(square, given) for square in squares]
    for ours, plain in zip(*of_slopes, strict=True):
        torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("stem", ["attention", "gated", "weighted_sum_learned"])
def test_weights_of_large_matrices_have_the_gradients_of_small_ones(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fusion = fusion_of(stem, [3] * 4).double()
    for parameter in fusion.parameters():
        parameter.data.normal_()
    inputs, slope = [matrix.requires_grad_() for matrix in matrices(4, 37, 3)], data(37, 3, seed=9)
    given, results = [*inputs, *fusion.parameters()], []
    for block in (1000, 1):
        monkeypatch.setattr("hybridfuse.functional.fold.BLOCK", block)
        fused = fusion(inputs)
        slopes = torch.autograd.grad(fused, given, slope, create_graph=True)
        curves = torch.autograd.grad(torch.cat([one.flatten() for one in slopes]).square().sum(), given)
        results.append([fused, *torch.autograd.grad(fusion(inputs), given, slope), *slopes, *curves])
    for small, large in zip(*results, strict=True):
        torch.testing.assert_close(large, small, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stem", [*FOLDED, "median", "trimmed_mean"])
@pytest.mark.parametrize("number", [1, 4, 11])
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_what_plain_numbers_allow_gives_the_same(
    stem: str, number: int, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers without zeros and ties are reduced by fewer passes; where they are huge or tiny, by all."""
    options = {"weights": [0.5 + index for index in range(number)]} if stem == "weighted_sum" else {}
    inputs = [((matrix.abs() + 0.1) * size).requires_grad_() for matrix in matrices(number, 37, 3)]
    fusion, slope, results = fusion_of(stem, **options), data(37, 3, seed=9), []
    for plain in (True, False):
        if not plain:
            monkeypatch.setattr("hybridfuse.functional.temporary.within", lambda *_: False)
            monkeypatch.setattr("hybridfuse.functional.extremes._shared", lambda _: True)
        fused = fusion(inputs)
        some = torch.autograd.grad(fused, inputs[::2], slope)
        results.append([fused, *torch.autograd.grad(fusion(inputs), inputs, slope), *some])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-12, atol=0.0)
