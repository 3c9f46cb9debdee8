"""Mistakes that a library of the same functions has made, by the number under which they are kept; none is made here.

Those of a family of functions are in files of their own, `test_defects_*.py`.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd import gradgradcheck

from catalogue import FUSIONS, POSTPROCESSES, XIS, data, dense, finite, function, fusion_of, hybrid_of, options
from hybridfuse.fusion.mean import Mean
from hybridfuse.fusion.sum import Sum
from hybridfuse.fusion.weighted_sum_learned import WeightedSumLearned
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES

B, M = 5, 3


def _graph(n: int, links: list[tuple[int, int]], **given: object) -> torch.Tensor:
    return dense(XIS["graph"](1, n, links=links, **given).calculate_A())


def test_n03_degrees_of_both_sides_are_those_of_the_matrix() -> None:
    adjacency = _graph(3, [(0, 1), (0, 2)], directed=False)
    half = 0.5**0.5
    expected = torch.tensor([[0.0, half, half], [half, 0.0, 0.0], [half, 0.0, 0.0]])
    torch.testing.assert_close(POSTPROCESSES["symmetric"]()(adjacency), expected)


def test_n08_a_hybrid_with_parameters_of_its_fusion_alone() -> None:
    hybrid = hybrid_of(["identity", "chain"], "weighted_sum_learned", 2, 2)
    assert hybrid.require_parameters
    hybrid.calculate_A()
    assert torch.equal(dense(hybrid.calculate_A(w=torch.zeros(1, 2))), torch.zeros(2, 2))
    assert torch.equal(dense(hybrid.calculate_A(w=torch.tensor([[1.0, 2.0]]))), torch.tensor([[3.0, 2.0], [0.0, 3.0]]))


@pytest.mark.parametrize("stem", ["chain", "graph"])
def test_n10_self_scaling_is_honoured(stem: str) -> None:
    links = {"links": [(0, 1)]} if stem == "graph" else {}
    without, once, thrice = (
        dense(XIS[stem](B, M, self_dependence=given, self_scaling=scaling, **links).calculate_A())
        for given, scaling in [(False, 1.0), (True, 1.0), (True, 3.0)]
    )
    assert torch.equal(once - without, torch.eye(M))
    assert torch.equal(thrice - without, 3 * torch.eye(M))


@pytest.mark.parametrize("kind", TYPES)
def test_n22_a_square_batch_is_not_transposed_by_the_caller(kind: str) -> None:
    bilinear, x = function("bilinear", 4, 4, kind).double(), data(4, 4)
    matrix = bilinear.calculate_A(x, torch.eye(4, dtype=x.dtype))
    torch.testing.assert_close(matrix, x.T @ x if kind == "attribute" else x @ x.T)


def test_n27_the_callers_function_keeps_its_sizes() -> None:
    chain = XIS["chain"](7, 3)
    HybridInterdependence(2, 3, interdependence_functions=[chain], fusion_function=Mean())
    assert (chain.b, chain.m, chain.interdependence_type) == (7, 3, "attribute")


def test_n28_median_of_an_even_number() -> None:
    inputs = [torch.tensor([[value]]) for value in (4.0, 1.0, 3.0, 2.0)]
    assert FUSIONS["median"]()(inputs).item() == 2.5


def test_c01_cosine_has_a_gradient() -> None:
    x = data(B, M).requires_grad_()
    function("cosine_similarity", B, M)(x).sum().backward()
    assert finite(x.grad)
    assert x.grad.ne(0).all()


@pytest.mark.parametrize("kind", TYPES)
def test_c03_c04_hybrids_without_parameters_on_both_axes(kind: str) -> None:
    x = data(B, M)
    hybrid = hybrid_of(["cosine_similarity", "pearson_correlation"], "sum", B, M, kind)
    assert (hybrid.calculate_b_prime(), hybrid.calculate_m_prime()) == (B, M)
    matrix = function("cosine_similarity", B, M, kind).calculate_A(x)
    matrix = matrix + function("pearson_correlation", B, M, kind).calculate_A(x)
    torch.testing.assert_close(hybrid(x), x @ matrix if kind == "attribute" else matrix.T @ x)
    torch.testing.assert_close(hybrid.calculate_A(x, torch.empty(1, 0)), matrix)


def test_c05_learned_weights_of_a_hybrid_from_outside() -> None:
    parts = [function("cosine_similarity", B, M), function("euclidean_distance", B, M)]
    learned = WeightedSumLearned([M, M])
    hybrid = HybridInterdependence(B, M, interdependence_functions=parts, fusion_function=learned)
    x = data(B, M)
    first, second = (part.calculate_A(x) for part in parts)
    got = hybrid.calculate_A(x, torch.tensor([[2.0, -3.0]], dtype=x.dtype))
    torch.testing.assert_close(got, 2.0 * first - 3.0 * second)


def test_c07_a_graph_without_links_and_a_chain_of_one() -> None:
    assert torch.equal(_graph(2, []), torch.zeros(2, 2))
    assert torch.equal(_graph(1, [], self_dependence=True), torch.ones(1, 1))
    assert torch.equal(dense(XIS["chain"](B, 1).calculate_A()), torch.ones(1, 1))
    assert torch.equal(dense(XIS["chain"](1, B, "instance", self_dependence=False).calculate_A()), torch.zeros(1, 1))


def test_c13_transformed_data_are_enough_where_no_data_are_needed() -> None:
    kappa_x = data(B, 7, dtype=torch.float32)
    assert torch.equal(function("identity", B, M, "instance")(kappa_x=kappa_x), kappa_x)


@pytest.mark.parametrize("layout", ["to_sparse_csr", "to_dense"])
def test_c15_fusions_of_sparse_matrices(layout: str) -> None:
    eye = torch.eye(3).to_sparse_csr()
    assert torch.equal(dense(FUSIONS["sum"]()([eye, getattr(torch.eye(3), layout)()])), 2 * torch.eye(3))


@pytest.mark.parametrize("stem", FUSIONS)
def test_c16_c32_fusions_of_strides_and_of_a_stacked_tensor(stem: str) -> None:
    stack = data(3, 12).reshape(3, 3, 4).permute(2, 1, 0)
    fusion = fusion_of(stem, [3] * 4).double()
    assert not stack[0].is_contiguous()
    expected = fusion([matrix.contiguous() for matrix in stack])
    torch.testing.assert_close(fusion(list(stack)), expected)
    torch.testing.assert_close(fusion(stack), expected)


@pytest.mark.parametrize("stem", XIS)
def test_c18_sizes_come_first(stem: str) -> None:
    xi = XIS[stem](5, 3, **options(stem, 3))
    assert (xi.b, xi.m) == (5, 3)


def test_c25_a_link_to_no_node_is_found_at_construction() -> None:
    for link in [("a", "z"), ("z", "a")]:
        with pytest.raises(ValueError, match="names 'z', which is not among its 2 nodes"):
            XIS["graph"](B, 2, nodes=["a", "b"], links=[link])


@pytest.mark.parametrize("stem", [stem for stem in XIS if XIS[stem].bound_sizes])
def test_c28_learned_functions_need_no_parameters_from_outside(stem: str) -> None:
    xi, x = function(stem, B, M).double(), data(B, M)
    torch.testing.assert_close(
        xi.calculate_A(x), xi.calculate_A(x, torch.cat([p.reshape(-1) for p in xi.parameters()]))
    )


def test_d01_correlation_of_a_constant_column() -> None:
    x = data(B, M)
    x[:, 1] = 0.1
    assert torch.equal(function("pearson_correlation", B, M).calculate_A(x)[1], torch.eye(M, dtype=x.dtype)[1])


def test_d12_a_dense_matrix_does_not_become_sparse() -> None:
    hybrid = hybrid_of(["chain", "cosine_similarity"], "mean", B, M)
    assert hybrid.calculate_A(data(B, M)).layout == torch.strided


@pytest.mark.parametrize("normalization", POSTPROCESSES)
def test_d13_structures_stay_as_small_as_their_links(normalization: str) -> None:
    n = 5000
    normalize = POSTPROCESSES[normalization]()
    chain = XIS["chain"](1, n, bi_directional=True, normalization=normalize)
    graph = XIS["graph"](1, n, links=[(i, 7 * i % n) for i in range(1, n)], normalization=normalize)
    for matrix, links in [(chain.calculate_A(), 3 * n - 2), (graph.calculate_A(), n - 1)]:
        assert matrix.layout == torch.sparse_csr
        assert matrix.values().numel() == links
    hybrid = HybridInterdependence(1, n, interdependence_functions=[chain, graph], fusion_function=Sum())
    assert hybrid.calculate_A().values().numel() <= 4 * n
    assert finite(hybrid(data(2, n, dtype=torch.float32)))


@pytest.mark.parametrize("stem", ["gaussian_rbf"])
def test_d18_second_derivatives_where_items_coincide(stem: str) -> None:
    x = data(4, 2)
    x[3] = x[0]
    assert gradgradcheck(function(stem, 4, 2, "instance").calculate_A, x.requires_grad_())


def test_d20_a_short_batch_of_instances() -> None:
    assert function("cosine_similarity", 8, 3, "instance")(data(5, 3)).shape == (5, 3)


@pytest.mark.parametrize("stem", ["parameterized_lowrank", "bilinear"])
def test_d21_parameters_from_outside_of_any_stride(stem: str) -> None:
    xi, x = function(stem, B, M).double(), data(B, M)
    flat = np.arange(1.0, xi.calculate_l() + 1)
    expected = xi.calculate_A(x, torch.from_numpy(flat.copy()))
    for w in (torch.from_numpy(flat[None]), torch.from_numpy(np.repeat(flat, 2))[::2]):
        torch.testing.assert_close(xi.calculate_A(x, w), expected)
    ones = torch.ones(1, 1, dtype=x.dtype).expand(1, xi.calculate_l())
    torch.testing.assert_close(xi.calculate_A(x, ones), xi.calculate_A(x, ones.clone()))


NUMBERS = {f"N{i:02}" for i in range(1, 36)} | {f"C{i:02}" for i in range(1, 33)} | {f"D{i:02}" for i in range(1, 22)}
NUMBERS -= {"C14"}  # never given

ELSEWHERE = {
    "N20": "test_catalogue.py::test_no_parameter_is_swallowed",
    "N33": "test_error.py::test_columns_that_a_fusion_does_not_take",
    "C29": "test_catalogue.py::test_a_class_is_found_by_its_file_and_by_its_package",
    "D19": "test_error.py::test_a_batch_of_a_wrong_size_names_the_remedy",
    "D08": "test_state.py::test_dtype_and_device_of_fusions",
    "D11": "test_state.py::test_parts_of_a_hybrid_are_its_own",
}
"""Tests under a name of their own."""

NOT_HERE = {
    "N16": "nodes are given at once",
    "N17": "nodes and links are never deleted",
    "N18": "a fusion does not process its inputs; what comes after it is a `postprocess` of the fused matrix",
    "N19": "a postprocess is a class; a name that is none is refused by the configuration",
    "N25": "there are no stand-alone statistics of batches",
    "C17": "the types are attribute and instance alone, in the documentation, too",
    "C19": "an object is never turned into a configuration; runs keep the configuration that they were built from",
    "C20": "there is no preprocessing in a function",
    "C22": "kernels are classes, not names",
    "C24": "a graph is its matrix; there are no neighbours, attributes or lengths to ask for",
    "C30": "a constant is not changed once it is built",
    "C31": "there is no get_dim",
}
"""What cannot happen, and why."""


def test_every_number_has_its_test_or_its_reason() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")}
    named = {
        number.upper()
        for text in texts.values()
        for name in re.findall(r"^def test_((?:[ncd]\d\d_)+)", text, re.MULTILINE)
        for number in name.strip("_").split("_")
    }
    for place in ELSEWHERE.values():
        file, name = place.split("::")
        assert f"def {name}" in texts[file], place
    assert NUMBERS - named - set(ELSEWHERE) - set(NOT_HERE) == set()
    assert not set(NOT_HERE) & named
