"""When two configurations are one: what fusions say of themselves, and what follows from it."""

import json

import pytest
import torch

from catalogue import FUSIONS, dense, fusion_of
from hybridfuse import targets
from hybridfuse.main import conf_directory
from hybridfuse.sweep import plugins
from hybridfuse.sweep.composition import Composer
from hybridfuse.sweep.meaning import Traits, meaning, traits

plugins.register()
COMPOSER = Composer(conf_directory())


@pytest.mark.parametrize("stem", FUSIONS)
def test_a_fusion_that_keeps_one_returns_a_single_matrix_as_it_is_and_no_other_does(stem):
    matrix = torch.randn(5, 5, dtype=torch.float64, requires_grad=True)
    fusion = fusion_of(stem, [5]).double()
    result = dense(fusion([matrix]))
    kept = result.shape == matrix.shape and torch.equal(result, matrix)
    unchanged = kept and not fusion.require_parameters
    assert FUSIONS[stem].keeps_one is unchanged
    if unchanged:
        weight = torch.randn_like(matrix)
        assert torch.equal(torch.autograd.grad(result, matrix, weight)[0], weight)
        assert torch.equal(dense(fusion([matrix.detach().to_sparse_csr()])), matrix)


@pytest.mark.parametrize("stem", FUSIONS)
def test_traits_are_read_without_torch_as_the_class_has_them(stem):
    cls = FUSIONS[stem]
    for path in (f"{cls.__module__}.{cls.__name__}", f"hybridfuse.fusion.{cls.__name__}"):
        assert traits(path) == Traits(cls.symmetric, cls.keeps_one)


def test_a_fusion_of_another_package_is_asked_only_if_that_is_allowed(monkeypatch, tmp_path):
    (tmp_path / "others_fusion.py").write_text("class Mine:\n    symmetric = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert traits("others_fusion.Mine") == Traits()
    traits.cache_clear()
    monkeypatch.setattr(targets, "_added", ["others_fusion"])
    assert traits("others_fusion.Mine") == Traits(symmetric=True)
    assert traits("others_fusion.Other") == Traits()


def meant(*words):
    return COMPOSER.draft(words).shared.meaning


TWO, OTHER_WAY = "interdependence=[chain,attention]", "interdependence=[attention,chain]"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([TWO, "fusion=mean"], [OTHER_WAY, "fusion=mean"]),
        (["interdependence=[chain]", "fusion=prod"], ["interdependence=[chain]", "fusion=concatenation"]),
        (["interdependence=[chain]", "fusion=weighted_sum"], ["interdependence=[chain]", "fusion=logsumexp"]),
        (["model=mlp", TWO, "fusion=mean"], ["model=mlp", "interdependence=[chain]", "axis=instance"]),
        (["fusion@second.fusion=max"], ["fusion@second.fusion=mean"]),
        (["data.seed=${seed}"], ["data=digits"]),
        (["seed=1"], ["seed=2"]),
        (["force=true", "runs=elsewhere"], []),
    ],
)
def test_words_that_mean_the_same(one, other):
    assert meant(*one) == meant(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([TWO, "fusion=concatenation"], [OTHER_WAY, "fusion=concatenation"]),
        ([TWO, "fusion=weighted_sum"], [OTHER_WAY, "fusion=weighted_sum"]),
        ([TWO, "fusion=mean"], [TWO, "fusion=sum"]),
        (["interdependence=[chain]", "fusion=sum"], ["interdependence=[chain]", "fusion=weighted_sum_learned"]),
        (
            ["interdependence=[chain]", "fusion=weighted_sum", "fusion.weights=[2]"],
            ["interdependence=[chain]", "fusion=weighted_sum"],
        ),
        (["interdependence=[chain]", "postprocess=row"], ["interdependence=[chain]"]),
        (["data.seed=0"], ["data=digits"]),
        (["interdependence=[chain]", "axis=instance"], ["interdependence=[chain]"]),
        (
            [TWO, "fusion=mean", "+model.layers.1.dropout=0.5"],
            [OTHER_WAY, "fusion=mean", "+model.layers.1.dropout=0.5"],
        ),
    ],
)
def test_words_that_do_not_mean_the_same(one, other):
    assert meant(*one) != meant(*other)


def test_hybrids_inside_of_hybrids_and_lists_of_functions():
    def hybrid(functions, fusion="hybridfuse.fusion.Sum"):
        return {"interdependence_function_configs": functions, "fusion_function_config": {"function_class": fusion}}

    one, two = {"_target_": "a"}, {"_target_": "b"}
    inner = [hybrid([one, two]), hybrid([two, one])]
    assert meaning(inner[0]) == meaning(inner[1])
    assert meaning(hybrid([inner[0], one])) == meaning(hybrid([one, inner[1]]))
    assert meaning(hybrid([one, two], "hybridfuse.fusion.Concatenation")) != meaning(
        hybrid([two, one], "hybridfuse.fusion.Concatenation")
    )
    assert json.loads(meaning(hybrid({})))["fusion_function_config"] is None
