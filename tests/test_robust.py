"""What a careful reader would try: mixed precision, far-away data, any layout, nested configurations, odd kinds."""

import numpy as np
import pytest
import torch
from torch import nn

from catalogue import FUSIONS, POSTPROCESSES, data, dense, function, fusion_of, hybrid_of
from hybridfuse.discovery import concrete_classes
from hybridfuse.functional import scale
from hybridfuse.fusion import Mean, Median
from hybridfuse.interdependence import Attention, Chain, Graph, HybridInterdependence, Identity, Parameterized
from hybridfuse.postprocess import Row

CHAIN = {"_target_": "hybridfuse.interdependence.Chain"}
ROW = "hybridfuse.postprocess.Row"
FUSION = {"fusion_function_config": {"_target_": "hybridfuse.fusion.Mean"}}


@pytest.mark.parametrize("stem", ["chain", "identity", "graph", "cosine_similarity", "hybrid"])
def test_mixed_precision_on_the_processor(stem):
    x = torch.randn(6, 5, requires_grad=True)
    xi = function(stem, 6, 5)
    with torch.autocast("cpu", torch.bfloat16):
        half = xi(x)
    half.sum().backward()
    torch.testing.assert_close(half.float(), xi(x), rtol=0.02, atol=0.1)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("offset", [1e3, 1e4, 1e6])
@pytest.mark.parametrize("kind", ["attribute", "instance"])
@pytest.mark.parametrize("stem", ["pearson_correlation", "gaussian_rbf", "euclidean_distance"])
def test_an_offset_costs_no_precision(stem, kind, offset):
    x = data(6, 5).float() + offset
    exact = function(stem, 6, 5, kind).calculate_A(x.double())
    torch.testing.assert_close(function(stem, 6, 5, kind).calculate_A(x).double(), exact, rtol=1e-5, atol=1e-5)


def test_magnitude_is_a_power_of_two_that_rounds_nothing():
    items = torch.tensor([[3.0, -7.9], [1e30, 1.0], [0.1, 0.2], [0.0, 0.0]])
    magnitude = scale.magnitude(items)
    assert torch.equal(torch.frexp(magnitude).mantissa, torch.full((4, 1), 0.5))
    assert torch.equal(items / magnitude * magnitude, items)
    assert ((items / magnitude).abs().amax(1)[:3] >= 1).all()
    assert ((items / magnitude).abs().amax(1) < 2).all()


@pytest.mark.parametrize("layout", ["to_sparse_coo", "to_sparse_csc", "to_sparse_csr"])
@pytest.mark.parametrize("stem", [*FUSIONS, *POSTPROCESSES])
def test_any_sparse_layout(stem, layout):
    first = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    second = torch.tensor([[0.0, 4.0], [0.5, 0.0]])
    if stem in FUSIONS:
        fusion = fusion_of(stem, [2, 2])
        found, expected = fusion([getattr(first, layout)(), second]), fusion([first, second])
    else:
        found, expected = POSTPROCESSES[stem]()(getattr(first, layout)()), POSTPROCESSES[stem]()(first.to_sparse_csr())
    torch.testing.assert_close(dense(found), dense(expected))


@pytest.mark.parametrize("cast", [False, True])
def test_a_constant_matrix_is_exact_in_float64(cast):
    x = data(6, 5)
    for xi, expected in [
        (Chain(6, 5, self_scaling=0.1), np.eye(5) * 0.1 + np.eye(5, k=1)),
        (Chain(6, 5, bi_directional=True, normalization=Row()), None),
        (hybrid_of(["chain", "identity", "graph"], "mean", 6, 5), None),
    ]:
        found = dense((xi.double() if cast else xi).calculate_A(x)).numpy()
        if expected is None:
            parts = xi.structure(5).to_dense() if isinstance(xi, Chain) else None
            functions = [] if parts is not None else [dense(part.structure(5)) for part in xi.interdependence_functions]
            expected = (parts if parts is not None else sum(functions) / 3).numpy()
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    again = Chain(6, 5, self_scaling=0.1)
    assert again.calculate_A(x) is again.calculate_A(x)
    assert again.calculate_A(x.float()).dtype == torch.float32


def test_external_parameters_keep_their_precision_without_data():
    w = torch.randn(25, dtype=torch.float64, requires_grad=True)
    matrix = Parameterized(6, 5).calculate_A(w=w)
    assert torch.equal(matrix, w.reshape(5, 5))
    assert torch.autograd.gradcheck(lambda v: hybrid_of(["parameterized", "chain"], "sum", 6, 5).calculate_A(w=v), w)


@pytest.mark.parametrize(
    "config",
    [
        {
            "_target_": "hybridfuse.interdependence.HybridInterdependence",
            "interdependence_function_configs": [CHAIN],
            **FUSION,
        },
        {
            "function_class": HybridInterdependence,
            "function_parameters": {"interdependence_function_configs": {"one": CHAIN}, **FUSION},
        },
        {"function_class": Chain, "function_parameters": {"normalization": {"_target_": ROW}}},
        {**CHAIN, "normalization": {"function_class": ROW}},
        {
            "function_class": "hybridfuse.interdependence.Chain",
            "function_parameters": {"normalization": {"function_class": Row}},
        },
    ],
)
def test_configurations_nest_in_every_form(config):
    hybrid = HybridInterdependence(6, 5, interdependence_function_configs=[config], fusion_function=Mean())
    expected = torch.eye(5) + torch.diag(torch.ones(4), 1)
    if "HybridInterdependence" not in str(config):
        expected = expected / expected.sum(1, keepdim=True)
    torch.testing.assert_close(dense(hybrid.calculate_A()), expected)


def test_links_as_tensor_array_or_names_in_pairs():
    expected = Graph(6, 5, links=[[0, 4], [2, 1]]).calculate_A().to_dense()
    for links in (torch.tensor([[0, 2], [4, 1]]), np.array([[0, 4], [2, 1]])):
        assert torch.equal(Graph(6, 5, links=links).calculate_A().to_dense(), expected)


def test_numbers_of_numpy_are_numbers():
    assert Identity(6, 5, p=np.int64(3)).p == 3
    assert function("gaussian_rbf", 6, 5, sigma=np.float32(2)).sigma.unit == 2


@pytest.mark.parametrize("value", [1e-40, 1e-38, 1e-30, 1e30])
def test_rows_of_tiny_and_large_numbers_sum_to_one(value):
    matrix = torch.full((2, 2), value, requires_grad=True)
    torch.testing.assert_close(Row()(matrix), torch.full((2, 2), 0.5))


def test_median_of_large_halves_does_not_overflow():
    assert Median()([torch.full((1, 1), 60000.0).half()] * 2).item() == 60000


def test_attention_prefers_the_larger_of_two_huge_keys():
    attention = Attention(3, 1, "instance", width=1)
    with torch.no_grad():
        attention.query.fill_(1.0)
        attention.key.fill_(1.0)
    matrix = attention.calculate_A(torch.tensor([[1.0], [1e10], [1e20]]))
    torch.testing.assert_close(matrix[1:], torch.tensor([[0.0, 0.0, 1.0]] * 2))


def test_kappa_x_is_held_to_the_number_of_attributes():
    with pytest.raises(ValueError, match="kappa_x must have 5 columns, got 3"):
        Chain(6, 5)(None, torch.ones(6, 3))
    with pytest.raises(ValueError, match="kappa_x must have rows and columns"):
        Chain(6, 5)(None, torch.ones(5))
    with pytest.raises(TypeError, match="kappa_x must be a floating-point tensor"):
        Chain(6, 5)(None, np.ones((6, 5)))
    with pytest.raises(TypeError, match="w must be a tensor, got list"):
        Parameterized(6, 5).calculate_A(w=[1.0] * 25)


KINDS = [
    (
        {"interdependence_functions": [nn.Linear(2, 2)]},
        "interdependence_functions must be of Interdependence .*got Linear",
    ),
    ({"interdependence_functions": [Chain]}, "got the class Chain"),
    ({"interdependence_function_configs": [{"_target_": "torch.nn.Identity"}]}, "must be|unexpected keyword"),
    ({"interdependence_function_configs": ["chain"]}, "must be a mapping with _target_ or function_class, got 'chain'"),
    ({"interdependence_function_configs": "chain"}, "must be a mapping or a sequence, got 'chain'"),
    ({"fusion_function": Mean}, "fusion_function must be of Fusion objects, got the class Mean"),
    ({"postprocess": Row}, "postprocess must be of Postprocess objects, got the class Row"),
]


@pytest.mark.parametrize(("changes", "match"), KINDS)
def test_what_is_of_another_kind_is_named(changes, match):
    words = {"fusion_function": Mean(), **changes}
    if not any(key.startswith("interdependence") for key in changes):
        words["interdependence_functions"] = [Chain(6, 5)]
    with pytest.raises(TypeError, match=match):
        HybridInterdependence(6, 5, **words)


@pytest.mark.parametrize("name", ["a.b", "keys", "", "two words"])
def test_a_name_that_is_no_word(name):
    with pytest.raises(ValueError, match="must be called by a plain word"):
        HybridInterdependence(6, 5, interdependence_functions={name: Chain(6, 5)}, fusion_function=Mean())


def test_bases_are_found_beside_their_classes():
    import hybridfuse.fusion
    from hybridfuse.fusion import Elementwise, Fusion
    from hybridfuse.interdependence import Interdependence
    from hybridfuse.postprocess import Postprocess
    from hybridfuse.reconciliation import Reconciliation

    assert all(isinstance(base, type) for base in (Elementwise, Interdependence, Postprocess, Reconciliation))
    assert set(concrete_classes(hybridfuse.fusion, Fusion)) == set(FUSIONS)
