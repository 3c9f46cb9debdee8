"""The network: the formula of a layer, sizes handed down, the control."""

import pytest
import torch
from torch import nn

from hybridfuse.discovery import concrete_classes
from hybridfuse.instantiate import instantiate
from hybridfuse.model import remainder, transformation
from hybridfuse.model.remainder.base import Remainder
from hybridfuse.model.rpn import Rpn
from hybridfuse.model.transformation.base import Transformation

XI = "hybridfuse.interdependence"
HYBRID = {
    "_target_": "hybridfuse.hybrid.HybridInterdependence",
    "_recursive_": False,
    "interdependence_type": "attribute",
    "interdependence_function_configs": {
        "chain": {"_target_": f"{XI}.chain.Chain", "bi_directional": True},
        "cosine_similarity": {"_target_": f"{XI}.cosine_similarity.CosineSimilarity"},
    },
    "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
}
PARTS = {
    "transformation": {"_target_": "hybridfuse.model.transformation.identity.Identity"},
    "reconciliation": {"_target_": "hybridfuse.reconciliation.full.Full"},
    "remainder": {"_target_": "hybridfuse.model.remainder.linear.Linear"},
    "activation": {"_target_": "torch.nn.Tanh"},
}


def of_type(config, interdependence_type, **changes):
    return {**config, "interdependence_type": interdependence_type, **changes}


def attribute_matrix(x):
    norm = x / x.norm(dim=0)
    step = torch.ones(x.shape[1] - 1)
    chain = torch.eye(x.shape[1]) + torch.diag(step, 1) + torch.diag(step, -1)
    return norm.T @ norm + chain


def test_layer_is_its_formula():
    torch.manual_seed(0)
    network = Rpn(6, 4, 3, **PARTS, hybrid=HYBRID, second_hybrid=of_type(HYBRID, "instance"))
    (layer,) = network.layers
    layer.bias.data.normal_()
    x = torch.randn(6, 4)
    expected = attribute_matrix(x.T).T @ (x @ attribute_matrix(x)) @ layer.reconciliation().T
    expected = expected + layer.bias + x @ layer.remainder.weight.T
    torch.testing.assert_close(network(x), expected)


def test_second_hybrid_without_functions_is_left_out():
    second = of_type(HYBRID, "instance", interdependence_function_configs={})
    (layer,) = Rpn(6, 4, 3, **PARTS, hybrid=HYBRID, second_hybrid=second).layers
    assert layer.instance_hybrid is None
    assert layer.attribute_hybrid is not None


def test_layers_are_chained_with_activation_normalization_and_dropout_between():
    normalization = {"_target_": "torch.nn.LayerNorm", "_partial_": True}
    network = Rpn(6, 4, 3, **PARTS, hybrid=HYBRID, hidden=(5, 7), normalization=normalization, dropout=0.25)
    kinds = [type(step).__name__ for step in network.layers]
    assert kinds == ["RpnLayer", "LayerNorm", "Tanh", "Dropout", "RpnLayer", "LayerNorm", "Tanh", "Dropout", "RpnLayer"]
    assert [layer.attribute_hybrid.m for layer in network.layers if hasattr(layer, "attribute_hybrid")] == [4, 5, 7]
    assert network.layers[3].p == 0.25
    network.eval()
    x = torch.randn(6, 4)
    step = x
    for module in network.layers:
        step = module(step)
    torch.testing.assert_close(network(x), step)
    assert network(x).shape == (6, 3)


@pytest.mark.parametrize(("hybrid_layers", "related"), [(0, 0), (1, 1), (2, 2), (None, 3)])
def test_hybrid_layers_counts_from_the_first(hybrid_layers, related):
    network = Rpn(6, 4, 3, **PARTS, hybrid=HYBRID, hidden=(5, 7), hybrid_layers=hybrid_layers)
    found = [step.attribute_hybrid is not None for step in network.layers if hasattr(step, "attribute_hybrid")]
    assert found == [True] * related + [False] * (3 - related)


def test_concatenation_on_attributes_widens_what_psi_maps():
    wide = {**HYBRID, "fusion_function_config": {"_target_": "hybridfuse.fusion.concatenation.Concatenation"}}
    (layer,) = Rpn(6, 4, 3, **PARTS, hybrid=wide).layers
    assert layer.reconciliation().shape == (3, 8)


def test_concatenation_on_instances_is_refused_with_a_remedy():
    fusion = {"_target_": "hybridfuse.fusion.concatenation.Concatenation"}
    wide = of_type(HYBRID, "instance", fusion_function_config=fusion)
    with pytest.raises(ValueError, match=r"must keep the 6 rows of a batch, got 12 from concatenation of chain"):
        Rpn(6, 4, 3, **PARTS, hybrid=wide)


def test_a_part_that_fits_no_hidden_layer_names_the_remedy():
    graph = {"graph": {"_target_": f"{XI}.graph.Graph", "links": [[0, 3]]}}
    with pytest.raises(ValueError, match=r"layer 1 with 2 attributes: .*names 3.*model.hybrid_layers=1 leaves"):
        Rpn(6, 4, 3, **PARTS, hybrid={**HYBRID, "interdependence_function_configs": graph}, hidden=(2,))


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("model", ["hybridfuse.model.rpn.Rpn", "hybridfuse.model.mlp.Mlp"])
def test_dropout_outside_its_range_is_refused(model, dropout):
    parts = PARTS if model.endswith("Rpn") else {"activation": PARTS["activation"]}
    config = {"_target_": model, "_recursive_": False, **parts, "dropout": dropout}
    with pytest.raises(ValueError, match="dropout must be"):
        instantiate(config, {"b": 6, "m": 4, "outputs": 3})


def test_mlp_is_plain_linear_layers():
    mlp = instantiate(
        {"_target_": "hybridfuse.model.Mlp", "_recursive_": False, "activation": PARTS["activation"], "hidden": [5]},
        {"b": 6, "m": 4, "outputs": 3},
    )
    assert [type(step) for step in mlp.layers] == [nn.Linear, nn.Tanh, nn.Dropout, nn.Linear]
    assert mlp(torch.randn(2, 4)).shape == (2, 3)


def test_every_parameter_of_the_network_learns():
    torch.manual_seed(0)
    network = Rpn(6, 4, 3, **PARTS, hybrid=HYBRID, hidden=(5,))
    network(torch.randn(6, 4)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("cls", concrete_classes(transformation, Transformation).values())
def test_transformation_has_the_width_it_says(cls):
    x = torch.randn(5, 4)
    assert cls(4)(x).shape == (5, cls(4).width)


@pytest.mark.parametrize("cls", concrete_classes(remainder, Remainder).values())
def test_remainder_adds_to_the_outputs(cls):
    outputs = 4 if cls.__name__ == "Identity" else 3
    added = torch.zeros(5, outputs) + cls(4, outputs)(torch.randn(5, 4))
    assert added.shape == (5, outputs)


def test_zero_remainder_is_zero_and_linear_is_linear():
    x = torch.randn(5, 4)
    assert (concrete_classes(remainder, Remainder)["zero"](4, 3)(x) == 0).all()
    linear = concrete_classes(remainder, Remainder)["linear"](4, 3)
    torch.testing.assert_close(linear(x), x @ linear.weight.T)
