"""The contract of a hybrid: what it takes, what it reports, what it computes."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

import hybridfuse.fusion
import hybridfuse.interdependence
from catalogue import FUSIONS, POSTPROCESSES, XIS, data, dense, flat, function, fusion_of, hybrid_of
from hybridfuse import targets
from hybridfuse.functional import graph
from hybridfuse.fusion.mean import Mean
from hybridfuse.fusion.weighted_sum_learned import WeightedSumLearned
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES, Interdependence
from hybridfuse.interdependence.gaussian_rbf import GaussianRbf

B, M = 6, 4
PATH = "hybridfuse.interdependence.{}.{}"


def _target(stem: str, **given: Any) -> dict[str, Any]:
    return {"_target_": PATH.format(stem, XIS[stem].__name__), **given}


def _by_path(stem: str, **given: Any) -> dict[str, Any]:
    return {"function_class": PATH.format(stem, XIS[stem].__name__), "function_parameters": given}


def _by_class(stem: str, **given: Any) -> dict[str, Any]:
    return {"function_class": XIS[stem], "function_parameters": given}


FORMS: dict[str, Callable[..., Any]] = {
    "target": _target,
    "function_class": _by_path,
    "class object": _by_class,
    "DictConfig": lambda stem, **given: OmegaConf.create(_target(stem, **given)),
    "DictConfig of function_class": lambda stem, **given: OmegaConf.create(_by_path(stem, **given)),
}


def _mean_of(x: Tensor, kind: str, *parts: Interdependence) -> Tensor:
    return torch.stack([dense(part.calculate_A(x)) for part in parts]).mean(dim=0)


def test_names_of_the_import() -> None:
    from hybridfuse.fusion import mean_fusion
    from hybridfuse.interdependence import HybridInterdependence as ByClassName
    from hybridfuse.interdependence import hybrid_interdependence

    assert hybrid_interdependence is ByClassName is HybridInterdependence
    assert mean_fusion is Mean
    for name in ("Nothing", "nothing", "chain_", "Base"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(hybridfuse.interdependence, name)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("named", [True, False])
def test_functions_as_objects(named: bool, kind: str) -> None:
    chain, cosine = function("chain", B, M, kind), function("cosine_similarity", B, M, kind)
    given = {"first": chain, "second": cosine} if named else [chain, cosine]
    hybrid = HybridInterdependence(B, M, kind, interdependence_functions=given, fusion_function=Mean())
    assert list(hybrid.functions) == (["first", "second"] if named else ["chain", "cosine_similarity"])
    assert list(hybrid.functions.values()) == hybrid.interdependence_functions == [chain, cosine]
    x = data(B, M)
    torch.testing.assert_close(hybrid.calculate_A(x), _mean_of(x, kind, chain, cosine))
    torch.testing.assert_close(list(hybrid.calculate_matrices(x).values())[1], cosine.calculate_A(x))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_functions_as_configurations(form: Callable[..., Any], named: bool, kind: str) -> None:
    configs: Any = [form("gaussian_rbf", sigma=3.0), form("chain"), form("gaussian_rbf", sigma=0.5)]
    names = ["wide", "chain", "narrow"] if named else ["gaussian_rbf", "chain", "gaussian_rbf_2"]
    configs = dict(zip(names, configs, strict=True)) if named else configs
    hybrid = HybridInterdependence(
        B,
        M,
        kind,
        interdependence_function_configs=configs,
        fusion_function_config={"_target_": "hybridfuse.fusion.mean.Mean"},
    )
    assert list(hybrid.functions) == names
    assert {(part.b, part.m, part.interdependence_type) for part in hybrid.functions.values()} == {(B, M, kind)}
    x = data(B, M)
    parts = [GaussianRbf(B, M, kind, 3.0), function("chain", B, M, kind), GaussianRbf(B, M, kind, 0.5)]
    torch.testing.assert_close(hybrid.calculate_A(x), _mean_of(x, kind, *parts))


def test_a_list_of_configurations_of_omegaconf() -> None:
    configs = OmegaConf.create([_target("chain"), _by_path("identity")])
    fusion = OmegaConf.create({"_target_": "hybridfuse.fusion.sum.Sum"})
    hybrid = HybridInterdependence(B, M, interdependence_function_configs=configs, fusion_function_config=fusion)
    assert list(hybrid.functions) == ["chain", "identity"]


@pytest.mark.parametrize("stem", FUSIONS)
@pytest.mark.parametrize("form", ["target", "function_class", "class object"])
def test_fusion_as_a_configuration(form: str, stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"hybridfuse.fusion.{stem}.{FUSIONS[stem].__name__}"
    monkeypatch.setattr(targets, "_added", ["families"])
    given = {"reduction": {"_target_": "families.fusions.spread", "_partial_": True}} if stem == "metric" else {}
    config: Any = {
        "target": {"_target_": path, **given},
        "function_class": {"function_class": path, "function_parameters": given},
        "class object": {"function_class": FUSIONS[stem], "function_parameters": given},
    }[form]
    functions = [function("chain", B, M), function("cosine_similarity", B, M)]
    hybrid = HybridInterdependence(B, M, interdependence_functions=functions, fusion_function_config=config)
    assert type(hybrid.fusion_function) is FUSIONS[stem]
    assert hybrid.fusion_function.dims == [M, M]
    x = data(B, M)
    if hybrid.fusion_function.require_parameters:
        expected = hybrid.fusion_function([dense(part.calculate_A(x)) for part in functions])
    else:
        expected = fusion_of(stem, [M, M])([dense(part.calculate_A(x)) for part in functions])
    torch.testing.assert_close(dense(hybrid.calculate_A(x)), expected)


def test_a_normalization_in_a_configuration_is_built() -> None:
    row = {"_target_": "hybridfuse.postprocess.row.Row"}
    hybrid = HybridInterdependence(
        B,
        M,
        interdependence_function_configs=[_target("chain", normalization=row)],
        fusion_function_config={"_target_": "hybridfuse.fusion.sum.Sum"},
    )
    torch.testing.assert_close(dense(hybrid.calculate_A()).sum(dim=1), torch.ones(M))


def test_objects_win_over_configurations() -> None:
    hybrid = HybridInterdependence(
        B,
        M,
        interdependence_functions=[function("chain", B, M)],
        interdependence_function_configs=[_target("identity")],
        fusion_function=Mean(),
        fusion_function_config={"_target_": "hybridfuse.fusion.sum.Sum"},
    )
    assert list(hybrid.functions) == ["chain"]
    assert type(hybrid.fusion_function) is Mean


@pytest.mark.parametrize("kind", TYPES)
def test_hybrids_nest(kind: str) -> None:
    inner = hybrid_of(["parameterized_lowrank", "cosine_similarity"], "weighted_sum_learned", B, M, kind)
    chain = function("chain", B, M, kind)
    learned = WeightedSumLearned([B if kind == "instance" else M] * 2)
    outer = HybridInterdependence(B, M, kind, interdependence_functions=[chain, inner], fusion_function=learned)
    outer.double()
    assert list(outer.functions) == ["chain", "hybrid_interdependence"]
    x, w = data(B, M), data(1, outer.calculate_l(), seed=5)
    assert outer.get_function_parameter_numbers() == [0, inner.calculate_l(), 2]
    pieces = w[0].split(outer.get_function_parameter_numbers())
    expected = pieces[2][0] * dense(chain.calculate_A(x)) + pieces[2][1] * inner.calculate_A(x, pieces[1])
    torch.testing.assert_close(outer.calculate_A(x, w), expected)


def test_a_hybrid_in_a_configuration() -> None:
    inner = {
        "_target_": "hybridfuse.hybrid.HybridInterdependence",
        "_recursive_": False,
        "name": "inner",
        "interdependence_function_configs": {"chain": _target("chain"), "identity": _target("identity")},
        "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
    }
    hybrid = HybridInterdependence(
        B,
        M,
        interdependence_function_configs=OmegaConf.create({"inner": inner, "one": _target("chain")}),
        fusion_function_config={"_target_": "hybridfuse.fusion.mean.Mean"},
    )
    chain, eye = dense(function("chain", B, M).calculate_A()), torch.eye(M)
    torch.testing.assert_close(dense(hybrid.calculate_A()), (chain + eye + chain) / 2)


@pytest.mark.parametrize("kind", TYPES)
def test_parameters_from_outside_go_to_each_function_and_the_fusion_in_turn(kind: str) -> None:
    stems = ["parameterized_lowrank", "chain", "attention", "parameterized"]
    hybrid = hybrid_of(stems, "weighted_sum_learned", B, M, kind).double()
    n, d = (M, B) if kind == "attribute" else (B, M)
    assert hybrid.get_function_parameter_numbers() == [4 * n, 0, 32 * d, n * n, 4]
    assert hybrid.calculate_l() == sum(hybrid.get_function_parameter_numbers())
    x, w = data(B, M), data(1, hybrid.calculate_l(), seed=5)
    pieces = w[0].split(hybrid.get_function_parameter_numbers())
    parts = [function(stem, B, M, kind).double() for stem in stems]
    matrices = [dense(part.calculate_A(x, piece)) for part, piece in zip(parts, pieces[:-1], strict=True)]
    expected = sum(weight * matrix for weight, matrix in zip(pieces[-1], matrices, strict=True))
    torch.testing.assert_close(hybrid.calculate_A(x, w), expected)
    own = torch.cat([flat(part) for part in [*hybrid.functions.values(), hybrid.fusion_function]])
    assert torch.equal(flat(hybrid), own)
    torch.testing.assert_close(hybrid.calculate_A(x, own), hybrid.calculate_A(x))


@pytest.mark.parametrize(
    ("stems", "fusion", "needs_data", "needs_parameters"),
    [
        (["chain", "identity"], "mean", False, False),
        (["chain", "identity"], "weighted_sum_learned", False, True),
        (["chain", "parameterized"], "mean", False, True),
        (["chain", "cosine_similarity"], "mean", True, False),
        (["cosine_similarity", "parameterized"], "mean", True, True),
        (["bilinear"], "mean", True, True),
    ],
)
def test_what_is_required_is_what_any_part_requires(
    stems: list[str], fusion: str, needs_data: bool, needs_parameters: bool
) -> None:
    hybrid = hybrid_of(stems, fusion, B, M)
    assert (hybrid.require_data, hybrid.require_parameters) == (needs_data, needs_parameters)
    if needs_data:
        with pytest.raises(ValueError, match="hybrid_interdependence computes A from the data, so x must be given"):
            hybrid.calculate_A()
    else:
        assert hybrid.calculate_A().shape == (M, M)


def _count_structures(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    chain = graph.chain

    def counted(n: int, *args: Any) -> Tensor:
        sizes.append(n)
        return chain(n, *args)

    monkeypatch.setattr(graph, "chain", counted)
    return sizes


@pytest.mark.parametrize("kind", TYPES)
def test_a_constant_hybrid_computes_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = _count_structures(monkeypatch)
    hybrid = hybrid_of(["chain", "identity"], "sum", B, M, kind)
    fused: list[Any] = []
    hybrid.fusion_function.register_forward_hook(lambda *given: fused.append(given))
    x = data(B, M, dtype=torch.float32)
    first = hybrid.calculate_A()
    assert hybrid.calculate_A() is hybrid.calculate_A(x) is first
    hybrid(x)
    n = M if kind == "attribute" else B
    assert sizes == [n]
    assert fused == []
    torch.testing.assert_close(dense(first), torch.eye(n) * 2 + torch.eye(n).roll(1, 1).triu(1))
    x = data(B + 1, M, dtype=torch.float32)
    n += kind == "instance"
    longer = torch.eye(n) * 2 + torch.eye(n).roll(1, 1).triu(1)
    torch.testing.assert_close(hybrid(x), x @ longer if kind == "attribute" else longer.T @ x)
    assert sizes == [M] if kind == "attribute" else sizes == [B, B + 1]


def test_a_hybrid_with_parameters_of_the_fusion_alone_computes_anew() -> None:
    hybrid = hybrid_of(["chain", "identity"], "weighted_sum_learned", B, M)
    before = dense(hybrid.calculate_A())
    with torch.no_grad():
        hybrid.fusion_function.weight.zero_()
    assert dense(hybrid.calculate_A()).eq(0).all()
    assert not before.eq(0).all()
    assert dense(hybrid.calculate_A(w=torch.tensor([0.5, 0.5]))).equal(before)


@pytest.mark.parametrize("stem", POSTPROCESSES)
@pytest.mark.parametrize("form", ["object", "target", "DictConfig"])
def test_postprocess_is_applied_to_the_fused_matrix(form: str, stem: str) -> None:
    config = {"_target_": f"hybridfuse.postprocess.{stem}.{POSTPROCESSES[stem].__name__}"}
    given: Any = {"object": POSTPROCESSES[stem](), "target": config, "DictConfig": OmegaConf.create(config)}[form]
    parts = ["cosine_similarity", "chain"]
    x = data(B, M)
    got = hybrid_of(parts, "sum", B, M, postprocess=given).calculate_A(x)
    torch.testing.assert_close(got, POSTPROCESSES[stem]()(hybrid_of(parts, "sum", B, M).calculate_A(x)))
    constant = hybrid_of(["chain", "identity"], "sum", B, M, postprocess=given).calculate_A()
    plain = hybrid_of(["chain", "identity"], "sum", B, M).calculate_A()
    torch.testing.assert_close(dense(constant), dense(POSTPROCESSES[stem]()(plain)))


@pytest.mark.parametrize("kind", TYPES)
def test_the_matrix_has_the_sizes_that_are_announced(kind: str) -> None:
    for fusion, p in (("concatenation", 5), ("concatenation", 1)):
        n = M if kind == "attribute" else B
        functions = [function("identity", B, M, kind, p=p), function("parameterized", B, M, kind, p=3)]
        hybrid = HybridInterdependence(
            B, M, kind, interdependence_functions=functions, fusion_function=fusion_of(fusion)
        )
        x = data(B, M, dtype=torch.float32)
        assert hybrid.calculate_A(x).shape == (n, p + 3) == (n, hybrid.p)
        assert hybrid(x).shape == (hybrid.calculate_b_prime(), hybrid.calculate_m_prime())
        assert hybrid.calculate_m_prime() == (p + 3 if kind == "attribute" else M)
        assert hybrid.calculate_b_prime() == (B if kind == "attribute" else p + 3)


class Wrong(Interdependence):
    """A ξ whose author mistook the sizes."""

    def matrix(self, items: Tensor) -> Tensor:
        return items.new_zeros(items.shape[0], 2)


def test_a_matrix_of_other_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"A of wrong must be \(4, 4\), got \(4, 2\)"):
        Wrong(B, M).calculate_A(data(B, M))
    hybrid = HybridInterdependence(B, M, interdependence_functions=[Wrong(B, M)], fusion_function=Mean())
    with pytest.raises(ValueError, match=r"hybrid_interdependence: A of wrong must be \(4, 4\), got \(4, 2\)"):
        hybrid(data(B, M))


def _settings(module: torch.nn.Module) -> dict[str, Any]:
    """What a module was told, and what it keeps."""
    told = {key: copy.deepcopy(value) for key, value in vars(module).items() if not key.startswith("_")}
    return told | {name: value.tolist() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("kind", TYPES)
def test_objects_of_the_caller_stay_as_they_are(kind: str) -> None:
    functions = {"one": function("chain", B, M, kind), "two": function("gaussian_rbf", B + 1, M, kind)}
    fusion, postprocess = Mean(), POSTPROCESSES["row"]()
    given = [*functions.values(), fusion, postprocess]
    before, keys = [_settings(part) for part in given], list(functions)
    hybrid = HybridInterdependence(
        B, M, kind, interdependence_functions=functions, fusion_function=fusion, postprocess=postprocess
    )
    hybrid(data(B, M))
    assert [_settings(part) for part in given] == before
    assert list(functions) == keys
    assert functions["two"].b == B + 1
    assert hybrid.functions["two"] is functions["two"]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_configurations_of_the_caller_stay_as_they_are(form: Callable[..., Any]) -> None:
    configs = {"one": form("gaussian_rbf", sigma=2.0), "two": form("chain")}
    fusion: Any = {"_target_": "hybridfuse.fusion.weighted_sum_learned.WeightedSumLearned"}
    postprocess: Any = OmegaConf.create({"_target_": "hybridfuse.postprocess.row.Row"})
    if all(isinstance(config, DictConfig) for config in configs.values()):
        configs, fusion = OmegaConf.create(configs), OmegaConf.create(fusion)
    before = copy.deepcopy((configs, fusion, postprocess))
    HybridInterdependence(
        B,
        M,
        interdependence_function_configs=configs,
        fusion_function_config=fusion,
        postprocess=postprocess,
    )
    assert (configs, fusion, postprocess) == before


def test_a_function_may_serve_two_hybrids() -> None:
    chain = function("chain", B, M)
    first = HybridInterdependence(B, M, interdependence_functions=[chain], fusion_function=Mean())
    second = HybridInterdependence(B + 3, M, interdependence_functions={"c": chain}, fusion_function=Mean())
    assert torch.equal(dense(first.calculate_A()), dense(second.calculate_A()))


@pytest.mark.parametrize("kind", TYPES)
def test_a_short_batch(kind: str) -> None:
    stems = ["chain", "cosine_similarity", "gaussian_rbf"]
    hybrid = hybrid_of(stems, "mean", B, M, kind)
    for b in (2, B - 1, B + 2):
        x = data(b, M)
        expected = _mean_of(x, kind, *(function(stem, b, M, kind) for stem in stems))
        torch.testing.assert_close(hybrid.calculate_A(x), expected)


def test_names() -> None:
    assert hybrid_of(["chain"], "mean", B, M).name == "hybrid_interdependence"
    named = hybrid_of(["bilinear"], "mean", B, M, name="mine")
    assert named.name == "mine"
    with pytest.raises(ValueError, match="mine: bilinear on the attribute axis"):
        named(data(B + 1, M, dtype=torch.float32))
    part = {"other": function("bilinear", B, M)}
    other = HybridInterdependence(B, M, name="mine", interdependence_functions=part, fusion_function=Mean())
    with pytest.raises(ValueError, match="mine: other: bilinear on the attribute axis"):
        other(data(B + 1, M, dtype=torch.float32))


@pytest.mark.parametrize("stem", XIS)
def test_a_hybrid_of_one_is_that_one(stem: str) -> None:
    for kind in TYPES:
        hybrid, alone = hybrid_of([stem], "mean", B, M, kind).double(), function(stem, B, M, kind).double()
        x = data(B, M)
        torch.testing.assert_close(dense(hybrid.calculate_A(x)), dense(alone.calculate_A(x)))
        torch.testing.assert_close(hybrid(x), alone(x))
        assert (hybrid.require_data, hybrid.require_parameters) == (alone.require_data, alone.require_parameters)


def test_all_functions_in_one_hybrid() -> None:
    square = [stem for stem in XIS if function(stem, B, M).p == M]
    for fusion in FUSIONS:
        hybrid = hybrid_of(square, fusion, B, M).double()
        x = data(B, M)
        matrices = [dense(matrix) for matrix in hybrid.calculate_matrices(x).values()]
        assert len(matrices) == len(square) > 50
        torch.testing.assert_close(dense(hybrid.calculate_A(x)), dense(hybrid.fusion_function(matrices)))


def test_weights_are_read_by_the_names_of_functions() -> None:
    hybrid = hybrid_of(["chain", "parameterized"], "weighted_sum_learned", B, M)
    with torch.no_grad():
        hybrid.fusion_function.weight.copy_(torch.tensor([0.25, 2.0]))
    assert {name: float(weight) for name, weight in hybrid.fusion_weights().items()} == {
        "chain": 0.25,
        "parameterized": 2.0,
    }
    assert hybrid.balance_scales() == {}
    assert hybrid_of(["chain", "parameterized"], "mean", B, M).fusion_weights() == {}
