"""Layers of several heads and channels, joined by any fusion; layers with settings of their own."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from catalogue import CONF, FUSIONS, data
from families.fusions import FUSION_ORACLES
from hybridfuse.callbacks import hybrids
from hybridfuse.command import composed
from hybridfuse.instantiate import instantiate
from hybridfuse.model.rpn import Rpn
from hybridfuse.model.rpn_heads import RpnHeads

XI = "hybridfuse.interdependence"
KAPPA = "hybridfuse.model.transformation"
PARTS: dict[str, Any] = {
    "transformation": {"_target_": f"{KAPPA}.identity.Identity"},
    "reconciliation": {"_target_": "hybridfuse.reconciliation.full.Full"},
    "remainder": {"_target_": "hybridfuse.model.remainder.linear.Linear"},
    "activation": {"_target_": "torch.nn.Tanh"},
}
HYBRID: dict[str, Any] = {
    "_target_": "hybridfuse.hybrid.HybridInterdependence",
    "interdependence_type": "attribute",
    "interdependence_function_configs": {
        "cosine_similarity": {"_target_": f"{XI}.cosine_similarity.CosineSimilarity"},
        "parameterized_lowrank": {"_target_": f"{XI}.parameterized_lowrank.ParameterizedLowrank"},
    },
    "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
}
B, M = 6, 4


def network(m: int = M, outputs: int = 6, **given: Any) -> Rpn:
    """In float64, with biases that are not zero."""
    torch.manual_seed(0)
    made = Rpn(B, m, outputs, **{**PARTS, **given}).double()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_()
    return made


def fusion(stem: str, **given: Any) -> dict[str, Any]:
    return {"_target_": f"{FUSIONS[stem].__module__}.{FUSIONS[stem].__name__}", **given}


def joined(stem: str, parts: list[Tensor], flat: Tensor) -> Tensor:
    """By the oracle of a fusion."""
    _, oracle = FUSION_ORACLES[stem][0]
    return torch.tensor(oracle([part.detach().numpy() for part in parts], flat.numpy()))


def flat(module: nn.Module) -> Tensor:
    return torch.cat([torch.empty(0, dtype=torch.float64), *(p.detach().reshape(-1) for p in module.parameters())])


@pytest.mark.parametrize("stem", FUSIONS)
def test_channels_are_their_formula(stem: str) -> None:
    made = network(channels=3, channel_fusion=fusion(stem, **FUSION_ORACLES[stem][0][0]))
    (layer,) = made.layers
    psi = layer.reconciliation
    x = data(B, M)
    parts = [x @ channel().T + bias for channel, bias in zip(psi.channels, psi.bias, strict=True)]
    expected = joined(stem, parts, flat(psi.fusion)) + x @ layer.remainder.weight.T
    assert layer.bias is None
    torch.testing.assert_close(made(x), expected)
    assert made(x).shape == (B, 6)


@pytest.mark.parametrize("stem", FUSIONS)
def test_heads_are_their_formula(stem: str) -> None:
    made = network(heads=2, head_fusion=fusion(stem, **FUSION_ORACLES[stem][0][0]), hybrid=HYBRID)
    (layer,) = made.layers
    assert isinstance(layer, RpnHeads)
    x = data(B, M)
    expected = joined(stem, [head(x) for head in layer.heads], flat(layer.fusion))
    torch.testing.assert_close(made(x), expected)
    assert made(x).shape == (B, 6)
    assert not torch.equal(layer.heads[0](x), layer.heads[1](x))


def test_heads_and_channels_are_joined_by_their_mean_by_default() -> None:
    made = network(heads=2, channels=3)
    (layer,) = made.layers
    x, heads = data(B, M), []
    for head in layer.heads:
        maps = zip(head.reconciliation.channels, head.reconciliation.bias, strict=True)
        channels = [x @ psi.weight.T + bias for psi, bias in maps]
        heads.append(sum(channels) / 3 + x @ head.remainder.weight.T)
    torch.testing.assert_close(made(x), sum(heads) / 2)


def test_an_instance_hybrid_acts_before_channels_are_joined() -> None:
    """With few outputs, it might act after one ψ, but not after a maximum of several."""
    instance = {**HYBRID, "interdependence_type": "instance"}
    made = network(outputs=2, channels=2, channel_fusion=fusion("max"), second_hybrid=instance)
    (layer,) = made.layers
    x = data(B, M)
    z = layer.instance_hybrid.calculate_A(x).T @ x
    maps = zip(layer.reconciliation.channels, layer.reconciliation.bias, strict=True)
    expected = torch.maximum(*(z @ psi.weight.T + bias for psi, bias in maps)) + x @ layer.remainder.weight.T
    torch.testing.assert_close(made(x), expected)


def test_side_by_side_each_head_makes_a_share() -> None:
    made = network(heads=3, head_fusion=fusion("concatenation"), channels=2, channel_fusion=fusion("concatenation"))
    (layer,) = made.layers
    assert [head.remainder.outputs for head in layer.heads] == [2, 2, 2]
    assert [psi.rows for head in layer.heads for psi in head.reconciliation.channels] == [1] * 6
    x = data(B, M)
    assert torch.equal(made(x), torch.cat([head(x) for head in layer.heads], dim=1))


def test_one_head_of_one_channel_is_a_plain_layer() -> None:
    made = network(hidden=(5,), hybrid=HYBRID, heads=1, channels=1, channel_fusion=fusion("concatenation"))
    names = [name for name, _ in made.named_parameters()]
    of_hybrid = [f"attribute_hybrid.parts.parameterized_lowrank.reconciliation.{side}" for side in ("left", "right")]
    plain = ["bias", *of_hybrid, "reconciliation.weight", "remainder.weight"]
    assert names == [f"layers.{place}.{name}" for place in (0, 3) for name in plain]


def test_no_bias_in_channels_either() -> None:
    assert not [name for name, _ in network(channels=2, heads=2, bias=False).named_parameters() if "bias" in name]


def test_every_parameter_of_every_head_and_channel_learns() -> None:
    made = network(hidden=(5,), heads=2, channels=2, hybrid=HYBRID, channel_fusion=fusion("gated"))
    made(data(B, M)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in made.parameters())


def test_hybrids_of_heads_have_names_of_their_own() -> None:
    heads = network(hidden=(5,), heads=2, hybrid=HYBRID, layers={1: {"heads": 1}})
    assert list(hybrids.outermost(heads)) == ["layer0_head0_attribute", "layer0_head1_attribute", "layer1_attribute"]


SETTINGS: list[tuple[str, Any, Callable[[Any], Any], Any]] = [
    (
        "transformation",
        {"_target_": f"{KAPPA}.taylor.Taylor"},
        lambda layer: type(layer.transformation).__name__,
        "Taylor",
    ),
    (
        "reconciliation",
        {"_target_": "hybridfuse.reconciliation.lowrank.Lowrank", "rank": 1},
        lambda layer: type(layer.reconciliation).__name__,
        "Lowrank",
    ),
    (
        "remainder",
        {"_target_": "hybridfuse.model.remainder.zero.Zero"},
        lambda layer: type(layer.remainder).__name__,
        "Zero",
    ),
    ("hybrid", None, lambda layer: layer.attribute_hybrid, None),
    (
        "hybrid",
        {"postprocess": {"_target_": "hybridfuse.postprocess.row.Row"}},
        lambda layer: (type(layer.attribute_hybrid.postprocess).__name__, list(layer.attribute_hybrid.functions)),
        ("Row", ["cosine_similarity", "parameterized_lowrank"]),
    ),
    (
        "second_hybrid",
        {**HYBRID, "interdependence_type": "instance"},
        lambda layer: layer.instance_hybrid is not None,
        True,
    ),
    ("bias", False, lambda layer: layer.bias, None),
    ("input_dropout", 0.5, lambda layer: layer.input_dropout, 0.5),
    ("instance_dropout", 0.5, lambda layer: layer.instance_dropout, 0.5),
    ("channels", 2, lambda layer: len(layer.reconciliation.channels), 2),
    ("heads", 3, lambda layer: len(layer.heads), 3),
]


@pytest.mark.parametrize(("name", "value", "look", "expected"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_a_layer_with_a_setting_of_its_own(name: str, value: Any, look: Callable[[Any], Any], expected: Any) -> None:
    plain = network(hidden=(5,), hybrid=HYBRID)
    for place, changes in ((0, {0: {name: value}}), (3, {"1": {name: value}}), (3, [None, {name: value}])):
        made = network(hidden=(5,), hybrid=HYBRID, layers=changes)
        assert look(made.layers[place]) == expected
        other = 3 - place
        assert str(made.layers[other]) == str(plain.layers[other])
        assert made(data(B, M)).shape == (B, 6)


def test_what_follows_a_layer_is_its_own() -> None:
    changes = {"dropout": 0.25, "activation": {"_target_": "torch.nn.ReLU"}}
    norm = {"_target_": "torch.nn.LayerNorm", "_partial_": True}
    made = network(hidden=(5, 7), layers=[{}, {**changes, "normalization": norm}])
    kinds = [type(step).__name__ for step in made.layers]
    assert kinds == ["RpnLayer", "Tanh", "Dropout", "RpnLayer", "LayerNorm", "ReLU", "Dropout", "RpnLayer"]
    assert (made.layers[2].p, made.layers[6].p) == (0.0, 0.25)


def test_a_configuration_without_a_class_changes_parameters() -> None:
    taylor = {"_target_": f"{KAPPA}.taylor.Taylor", "order": 2}
    made = network(hidden=(5,), transformation=taylor, layers={1: {"transformation": {"order": 1}}})
    assert [made.layers[place].transformation.order for place in (0, 3)] == [2, 1]
    assert taylor == {"_target_": f"{KAPPA}.taylor.Taylor", "order": 2}


def test_a_hybrid_that_a_layer_names_it_has_beyond_hybrid_layers() -> None:
    changes = {2: {"hybrid": {"postprocess": None}}}
    made = network(hidden=(5, 7), hybrid=HYBRID, hybrid_layers=1, layers=changes)
    assert [layer.attribute_hybrid is None for layer in made.layers[::3]] == [False, True, False]


def _refused(**given: Any) -> Callable[[], object]:
    return lambda: network(hidden=(5,), **given)


ERRORS = [
    (
        "no such setting",
        _refused(layers=[{"transformatio": {}}]),
        ValueError,
        r"^a setting of layer 0 must be one of transformation, .*, got 'transformatio'; did you mean transformation\?$",
    ),
    (
        "after the last",
        _refused(layers={1: {"dropout": 0.1}}),
        ValueError,
        r"^a setting of layer 1, the last, must be one of (?!.*normalization).*, got 'dropout'; did you mean input_",
    ),
    ("no such layer", _refused(layers={2: {}}), ValueError, r"^the number of a layer must be one of 0, 1, got '2'\.$"),
    ("too many", _refused(layers=[{}, {}, {}]), ValueError, r"^the number of a layer must be one of 0, 1, got '2'\.$"),
    ("no mapping", _refused(layers=[0.5]), TypeError, r"^the settings of layer 0 must be a mapping, got 0\.5\.$"),
    ("a word", _refused(layers="{}"), TypeError, r"^layers must be a list or a mapping of settings, got '\{\}'\.$"),
    ("a number", _refused(layers=3), TypeError, r"^layers must be a list or a mapping of settings, got 3\.$"),
    ("dropout", _refused(layers=[{"dropout": 1.0}]), ValueError, r"^dropout must be in \[0, 1\), got 1\.0\.$"),
    ("bias a word", _refused(bias="yes"), TypeError, r"^bias must be true or false, got 'yes'\.$"),
    ("no channels", _refused(channels=0), ValueError, r"^channels must be >= 1, got 0\.$"),
    ("no heads", _refused(layers=[{"heads": 0}]), ValueError, r"^heads must be >= 1, got 0\.$"),
    ("half a head", _refused(heads=1.5), TypeError, r"^heads must be a whole number, got 1\.5\.$"),
    (
        "not divided",
        _refused(heads=2, head_fusion=fusion("concatenation")),
        ValueError,
        r"^head_fusion of layer 0 must make 5 outputs, got 10 of 2 times 5 or 4 of 2 times 2; use another",
    ),
    (
        "too few outputs",
        lambda: network(outputs=1, channels=2, channel_fusion=fusion("concatenation")),
        ValueError,
        r"^channel_fusion of layer 0 must make 1 outputs, got 2 of 2 times 1; use",
    ),
    (
        "no fusion",
        _refused(heads=2, head_fusion={"_target_": "hybridfuse.balance.unit_norm.UnitNorm"}),
        TypeError,
        r"^head_fusion must be of Fusion objects, got UnitNorm\.$",
    ),
    (
        "not square",
        _refused(channels=2, channel_fusion=fusion("similarity_network")),
        ValueError,
        r"^similarity_network needs square matrices, got \(6, 5\)\.$",
    ),
    (
        "weights",
        _refused(heads=3, head_fusion=fusion("weighted_sum", weights=[1, 2])),
        ValueError,
        r"has weights for 2 matrices, got 3\.$",
    ),
    (
        "twice one type",
        _refused(hybrid=HYBRID, second_hybrid=HYBRID),
        ValueError,
        r"^the hybrids of layer 0 must be of both types, got attribute twice\.$",
    ),
]


@pytest.mark.parametrize(("name", "call", "error", "sentence"), ERRORS, ids=[row[0] for row in ERRORS])
def test_error(name: str, call: Callable[[], object], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_the_yaml_states_all_parameters_and_their_defaults() -> None:
    config: Any = OmegaConf.to_container(composed(CONF, []).model, resolve=False)
    signature = inspect.signature(Rpn).parameters
    given = {"b", "m", "outputs", "links"}
    assert set(config) - {"_target_", "_recursive_"} == set(signature) - given
    chosen = {"hidden", "dropout", "activation", "channel_fusion", "head_fusion"}
    for name in ("hybrid_layers", "normalization", "bias", "channels", "heads", "layers"):
        assert name not in chosen
        assert config[name] == signature[name].default


TAYLOR = "transformation:{_target_:hybridfuse.model.transformation.taylor.Taylor}"


@pytest.mark.parametrize(
    "words",
    [
        ["+model.layers.0.dropout=0.5", "+transformation@model.layers.0.transformation=taylor"],
        [f"model.layers={{0:{{dropout:0.5,{TAYLOR}}}}}"],
        [f"model.layers=[{{dropout:0.5,{TAYLOR}}}]"],
    ],
)
def test_on_the_command_line(words: list[str]) -> None:
    heads = ["model.heads=2", "fusion@model.head_fusion=concatenation"]
    config = composed(CONF, [*words, *heads, "model.channels=2", "fusion@model.channel_fusion=max"])
    made = instantiate(config.model, {"b": 64, "m": 4, "outputs": 2})
    assert isinstance(made.layers[0], RpnHeads)
    assert [head.transformation.width for head in made.layers[0].heads] == [20, 20]
    assert made.layers[2].p == 0.5
    assert made(torch.randn(64, 4)).shape == (64, 2)


def test_a_transformation_that_is_too_wide_for_a_later_layer_is_told_with_its_cure():
    taylor = {"_target_": "hybridfuse.model.transformation.taylor.Taylor", "order": 3}
    cure = r"^layer 1: taylor must .* m = 256 .*\'\+transformation@model\.layers\.1\.transformation=identity\' leaves"
    with pytest.raises(ValueError, match=cure):
        network(outputs=2, hidden=[256], transformation=taylor)
    with pytest.raises(ValueError, match=r"^taylor must .* m = 300"):
        network(outputs=2, m=300, transformation=taylor)
