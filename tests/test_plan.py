"""What `explain` tells is what is done, and the numbers are those of the arithmetic."""

import pytest
import torch

from catalogue import data, function, fusion_of, hybrid_of
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.plan import Plan

B, M = 16, 160


def _ways(plan: Plan) -> list[tuple[str, str, int]]:
    return [tuple(step) for step in plan.steps]


def test_a_sum_is_applied_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    hybrid = hybrid_of(["identity", "chain", "bilinear_lowrank", "cosine_similarity", "gaussian_rbf"], "mean", B, M)
    plan = hybrid.explain(data(B, M))
    text = capsys.readouterr().out
    assert text == f"{plan}\n"
    apart, together = "applied by itself", "built and added to the others that are"
    assert _ways(plan) == [
        ("identity", apart, 0),
        ("chain", apart, 0),
        ("bilinear_lowrank", apart, 0),
        ("cosine_similarity", together, 0),
        ("gaussian_rbf", together, 0),
    ]
    for name in hybrid.functions:
        assert name in text
    assert plan.cost.flops < plan.plain.flops


def test_flops_of_a_product_of_low_rank() -> None:
    rank = 2
    plan = hybrid_of(["parameterized_lowrank"], "sum", B, M).explain(data(B, M))
    products = 2 * B * rank * (M + M)
    assert products <= plan.cost.flops <= 1.2 * products
    built = 2 * M * rank * M + 2 * M * M * B
    assert built <= plan.plain.flops <= 1.2 * built
    assert plan.plain.bytes > plan.cost.bytes


def test_flops_at_links() -> None:
    n, d, rank, links = 64, 8, 4, [[i, (i * 7 + 3) % 64] for i in range(64)]
    parts = [
        function("graph", n, d, "instance", links=links),
        function("bilinear_lowrank", n, d, "instance", rank=rank),
    ]
    hybrid = HybridInterdependence(
        n, d, "instance", interdependence_functions=parts, fusion_function=fusion_of("prod")
    ).double()
    plan = hybrid.explain(data(n, d))
    assert _ways(plan) == [("graph", "built, sparse", 0), ("bilinear_lowrank", "computed at the links alone", 0)]
    z = len(links)
    counted = 2 * 2 * n * d * rank + 2 * z * rank + 2 * z * d
    assert counted <= plan.cost.flops <= counted + 40 * z
    assert plan.plain.flops >= 2 * n * n * d


def test_flops_of_sparse_products_are_those_of_any_precision() -> None:
    n, d, links = 200, 40, [[i, (i * 7 + 3) % 200] for i in range(200)]
    part = function("graph", n, d, "instance", links=links)
    hybrid = HybridInterdependence(n, d, "instance", interdependence_functions=[part], fusion_function=fusion_of("sum"))
    plans = [hybrid.to(dtype).explain(data(n, d).to(dtype)) for dtype in (torch.float32, torch.float64)]
    assert plans[0].cost.flops == plans[1].cost.flops >= 2 * len(links) * d


def test_a_kept_matrix_and_hybrids_in_hybrids() -> None:
    kept = hybrid_of(["chain", "identity"], "mean", B, M)
    assert {way for _, way, _ in _ways(kept.explain(data(B, M, dtype=torch.float32)))} == {"fused once and kept"}
    inner = hybrid_of(["chain", "parameterized_lowrank"], "sum", B, M)
    outer = HybridInterdependence(
        B,
        M,
        interdependence_functions={"inner": inner, "cosine": function("cosine_similarity", B, M)},
        fusion_function=fusion_of("mean"),
    )
    apart = "applied by itself"
    assert _ways(outer.explain(data(B, M, dtype=torch.float32))) == [
        ("inner (hybrid_interdependence)", apart, 0),
        ("chain", apart, 1),
        ("parameterized_lowrank", apart, 1),
        ("cosine (cosine_similarity)", "built and applied", 0),
    ]


def test_matrices_too_large_to_be_built_are_bounded_from_below(monkeypatch: pytest.MonkeyPatch) -> None:
    hybrid = hybrid_of(["identity", "parameterized_lowrank"], "mean", B, M)
    counted = hybrid.explain(data(B, M, dtype=torch.float32))
    monkeypatch.setattr("hybridfuse.plan.COUNTED", 100)
    bounded = hybrid.explain(data(B, M, dtype=torch.float32))
    assert (counted.plain.at_least, bounded.plain.at_least) == (False, True)
    assert "at least" in str(bounded)
    assert counted.cost == bounded.cost
    assert 2 * M * M * B < bounded.plain.flops <= counted.plain.flops
    assert bounded.plain.bytes <= counted.plain.bytes
    assert repr(bounded).startswith("<Plan of hybrid_interdependence: ")


def test_errors_are_those_of_a_call() -> None:
    hybrid = hybrid_of(["identity", "cosine_similarity"], "mean", B, M)
    with pytest.raises(ValueError, match=r"x must be \(b, m\) with m = 160"):
        hybrid.explain(data(B, M + 1))
    with pytest.raises(ValueError, match="needs x or kappa_x to transform, got neither"):
        hybrid.explain()
