"""However a hybrid is applied, it gives what its fused matrix gives, and so do its derivatives."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor

from catalogue import BALANCES, FUSIONS, POSTPROCESSES, XIS, Largest, data, dense, function, fusion_of, hybrid_of
from hybridfuse.functional import layout
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES, Interdependence
from hybridfuse.interdependence.graph import Graph

B, M = 8, 8
LINKS = [[0, 1], [1, 4], [4, 2], [2, 2], [3, 7], [7, 0], [5, 3]]
PLAIN = [stem for stem, cls in XIS.items() if "p" not in cls.__init__.__annotations__ and not stem.startswith("grid")]
"""Functions whose matrices are square."""


def _graph(kind: str) -> Graph:
    return Graph(B, M, kind, links=LINKS, directed=False, self_dependence=True)


def _random(seed: int, depth: int = 0) -> HybridInterdependence:
    """A hybrid of random parts, hybrids among them."""
    draw = random.Random(1000 * depth + seed)
    kind = TYPES[seed % 2]
    parts: list[Interdependence] = []
    for stem in draw.sample(PLAIN, draw.randint(1, 4)):
        parts.append(_random(seed, depth + 1) if depth < 2 and draw.random() < 0.25 else function(stem, B, M, kind))
    if draw.random() < 0.6:
        parts.insert(draw.randint(0, len(parts)), _graph(kind))
    named = {f"part_{index}": part for index, part in enumerate(parts)}
    widths = [part.p for part in parts]
    square = len(set(widths)) == 1
    stems = [stem for stem in FUSIONS if square or (stem == "concatenation")]
    weights = [6 if stem in ("prod", "mean", "weighted_sum_learned", "concatenation_lowrank") else 1 for stem in stems]
    fusion = fusion_of(draw.choices(stems, weights)[0], widths)
    options: dict[str, Any] = {}
    if draw.random() < 0.4:
        options["balance"] = BALANCES[draw.choice(list(BALANCES))](widths)
    if draw.random() < 0.4 and fusion.calculate_n(widths) == M:
        options["postprocess"] = POSTPROCESSES[draw.choice(list(POSTPROCESSES))]()
    return HybridInterdependence(
        B, M, kind, interdependence_functions=named, fusion_function=fusion, **options
    ).double()


def _plainly(hybrid: HybridInterdependence, x: Tensor) -> Tensor:
    """A, each matrix whole, nested ones likewise."""
    matrices = [
        _plainly(part, x) if isinstance(part, HybridInterdependence) else part.calculate_A(x)
        for part in hybrid.interdependence_functions
    ]
    balanced = matrices if hybrid.balance is None else list(hybrid.balance(matrices))
    fused = hybrid.fusion_function(balanced)
    return fused if hybrid.postprocess is None else hybrid.postprocess(fused)


def _derivatives(result: Tensor, hybrid: HybridInterdependence, x: Tensor) -> list[Tensor]:
    towards = [x, *hybrid.parameters()]
    if not result.requires_grad:
        return []
    weights = data(result.shape[0], result.shape[1], seed=9)
    found = torch.autograd.grad((result * weights).sum(), towards, allow_unused=True)
    return [torch.zeros_like(of) if grad is None else grad for grad, of in zip(found, towards, strict=True)]


@pytest.mark.parametrize("block", range(12))
def test_random_hybrids(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if block % 2:  # kernels are computed at links alone, though these are many
        monkeypatch.setattr("hybridfuse.functional.pairs._DEARER", 0)
    for seed in range(20 * block, 20 * block + 20):
        hybrid, x = _random(seed), data(B, M, seed).requires_grad_()
        got = hybrid(x)
        matrix = dense(_plainly(hybrid, x))
        expected = x @ matrix if hybrid.interdependence_type == "attribute" else matrix.T @ x
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10, msg=f"{seed}")
        torch.testing.assert_close(dense(hybrid.calculate_A(x)), matrix, rtol=1e-10, atol=1e-10)
        assert layout.is_sparse(hybrid.calculate_A(x)) == hybrid.sparse
        pairs = zip(_derivatives(got, hybrid, x), _derivatives(expected, hybrid, x), strict=True)
        for one, other in pairs:
            scale = max(1.0, float(other.abs().max()))
            torch.testing.assert_close(one / scale, other / scale, rtol=1e-9, atol=1e-10)


N, D = 700, 8
CHEAP = ["identity", "chain", "uniform", "parameterized_lowrank", "bilinear_lowrank"]
BILINEAR = [stem for stem in XIS if stem.startswith("bilinear")]
LARGE = {
    "mean of what is never built": (
        ["identity", "chain", "uniform", "parameterized_lowrank", "bilinear_lowrank"],
        "mean",
    ),
    "learned sum": (["zero", "one", "bilinear_random_matrix", "multihop_chain"], "weighted_sum_learned"),
    "side by side": (["identity", "uniform", "parameterized_lowrank"], "concatenation"),
    "side by side, mapped": (["chain", "bilinear_lowrank"], "concatenation_lowrank"),
    "product at links": (["chain", "bilinear_lowrank"], "prod"),
    "product of all bilinear forms at links": (
        [*(stem for stem in XIS if stem.startswith("bilinear")), "chain"],
        "prod",
    ),
    "harmonic mean at links": (["chain", "bilinear", "one"], "harmonic_mean"),
}


@pytest.mark.parametrize("case", LARGE)
def test_nothing_is_built_that_need_not(case: str) -> None:
    stems, fusion = LARGE[case]
    options = {"postprocess": POSTPROCESSES["softmax_column"]()} if fusion == "prod" else {}
    hybrid = hybrid_of(stems, fusion, N, D, "instance", **options)
    x = data(N, D, dtype=torch.float32).requires_grad_()
    with Largest() as largest:
        hybrid(x).square().sum().backward()
        if fusion in ("prod", "harmonic_mean"):
            assert layout.is_sparse(hybrid.calculate_A(x))
    assert largest.numbers <= N * N // 4
    assert x.grad is not None


def test_attention_at_links_holds_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybridfuse.functional.attention.BLOCK", 20 * N)
    hybrid = hybrid_of(["chain", "attention"], "prod", N, D, "instance").double()
    x = data(N, D).requires_grad_()
    with Largest() as largest:
        result = hybrid(x)
        (grad,) = torch.autograd.grad(result.square().sum(), x)
    assert largest.numbers <= N * N // 4
    matrix = dense(hybrid.functions["chain"].calculate_A()) * hybrid.functions["attention"].calculate_A(x)
    (expected,) = torch.autograd.grad((matrix.T @ x).square().sum(), x)
    torch.testing.assert_close(result, matrix.T @ x, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(grad, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", ["bilinear_lowrank", "bilinear", "attention", "bilinear_lphm"])
def test_second_derivatives_at_links(stem: str) -> None:
    """torch alone would drop the values of a sparse matrix from them."""
    parts = [_graph("instance"), function(stem, B, M, "instance")]
    hybrid = HybridInterdependence(
        B,
        M,
        "instance",
        interdependence_functions=parts,
        fusion_function=fusion_of("prod"),
        postprocess=POSTPROCESSES["softmax_column"](),
    ).double()
    stored = dense(parts[0].calculate_A()) != 0

    def plainly(x: Tensor) -> Tensor:
        scores = torch.where(stored, dense(parts[0].calculate_A()) * parts[1].calculate_A(x), -torch.inf)
        return torch.where(stored, scores.softmax(0), 0.0).T @ x

    found: list[Tensor] = []
    for apply in (hybrid, plainly):
        x = data(B, M).requires_grad_()
        (first,) = torch.autograd.grad(apply(x).pow(3).sum(), x, create_graph=True)
        found += torch.autograd.grad(first.pow(2).sum(), x)
    torch.testing.assert_close(found[0], found[1], rtol=1e-9, atol=1e-9)


class Broken(Interdependence):
    """Gives NaN, as a whole, applied, or at links."""

    cost = "n²"

    def matrix(self, items: Tensor) -> Tensor:
        return items.new_full((len(items), len(items)), torch.nan)


@pytest.mark.parametrize("fusion", ["mean", "prod", "max", "concatenation", "trimmed_mean", "median"])
@pytest.mark.parametrize("beside", ["chain", "cosine_similarity"])
def test_a_part_that_gives_nan_is_named(beside: str, fusion: str) -> None:
    parts = {"good": function(beside, B, M), "bad": Broken(B, M)}
    hybrid = HybridInterdependence(
        B, M, name="mine", interdependence_functions=parts, fusion_function=fusion_of(fusion, [M, M])
    )
    with pytest.raises(ValueError, match=r"^mine: bad: broken must give numbers, got NaN\.$"):
        hybrid(data(B, M))
    with pytest.raises(ValueError, match=r"^mine: bad: broken must give numbers, got NaN\.$"):
        hybrid.calculate_A(data(B, M))


def test_nan_in_the_data_or_in_a_parameter_is_told_apart() -> None:
    hybrid = hybrid_of(["chain", "bilinear"], "mean", B, M)
    x = data(B, M, dtype=torch.float32)
    x[2, 3] = torch.nan
    with pytest.raises(ValueError, match=r"^hybrid_interdependence: x must hold numbers, got NaN\.$"):
        hybrid(x)
    with torch.no_grad():
        next(hybrid.functions["bilinear"].parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match=r"bilinear must give numbers, got NaN; its parameter \S+ is not finite\.$"):
        hybrid(data(B, M, dtype=torch.float32))


def test_infinite_numbers_are_no_nan() -> None:
    hybrid = hybrid_of(["linear", "chain"], "mean", B, M)
    x = torch.full((B, M), 1e30, dtype=torch.float32)
    x[0] *= -1
    assert not hybrid(x).isnan().any()
