"""Sparse matrices give what dense ones give, and stay sparse where the algebra allows."""

import itertools

import pytest
import torch
from torch import Tensor

from catalogue import (
    DATA_DEPENDENT,
    FUSIONS,
    POSTPROCESSES,
    XIS,
    data,
    dense,
    function,
    fusion_of,
    hybrid_of,
    items,
    sparse_matrix,
)
from families.fusions import SQUARE
from hybridfuse.functional import csr
from hybridfuse.fusion.base import Elementwise
from hybridfuse.interdependence.base import TYPES, Interdependence

CSR, STRIDED = torch.sparse_csr, torch.strided
N, P = 5, 4


def _part(layout: str, seed: int, n: int = N) -> Tensor:
    return sparse_matrix(n, P, seed) if layout == "s" else data(n, P, seed)


LAYOUTS = ["".join(letters) for k in (1, 2, 3, 4) for letters in itertools.product("sd", repeat=k)]


def _expected_layout(stem: str, layouts: str) -> torch.layout:
    """As documented: k zeros make a zero; one is enough for a product; a concatenation is sparse if all are."""
    cls = FUSIONS[stem]
    if issubclass(cls, Elementwise):
        return CSR if (cls.absorbs_zero and "s" in layouts) or (cls.keeps_zero and "d" not in layouts) else STRIDED
    return CSR if "d" not in layouts and stem == "concatenation" else STRIDED


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("stem", FUSIONS)
def test_fusions(stem: str, layouts: str) -> None:
    n = P if stem in SQUARE else N
    inputs = [_part(letter, seed, n) for seed, letter in enumerate(layouts)]
    fusion = fusion_of(stem, [P] * len(inputs)).double()
    for parameter in fusion.parameters():
        parameter.data = data(1, parameter.numel(), seed=20).reshape(parameter.shape)
    fused = fusion(inputs)
    assert fused.layout == _expected_layout(stem, layouts)
    expected = fusion([dense(part) for part in inputs])
    torch.testing.assert_close(dense(fused), expected, rtol=1e-13, atol=1e-13)
    with torch.no_grad():
        streamed = fusion(iter(inputs))
    assert streamed.layout == fused.layout
    torch.testing.assert_close(dense(streamed), expected, rtol=1e-12, atol=1e-12)


def test_only_products_and_their_kin_are_sparse_by_one_sparse_matrix() -> None:
    inputs = [sparse_matrix(P, P), data(P, P)]
    sparse = {stem for stem in FUSIONS if fusion_of(stem, [P] * 2).double()(inputs).layout == CSR}
    assert sparse == {"geometric_mean", "harmonic_mean", "prod"}


def test_a_product_holds_the_links_of_the_sparse_matrix_alone() -> None:
    pattern = sparse_matrix(N, P)
    fused = FUSIONS["prod"]()([data(N, P), pattern, data(N, P, seed=1)])
    assert torch.equal(fused.crow_indices(), pattern.crow_indices())
    assert torch.equal(fused.col_indices(), pattern.col_indices())


@pytest.mark.parametrize("stem", ["sum", "mean", "max", "min", "median"])
def test_a_reduction_holds_the_union_of_the_links(stem: str) -> None:
    first, second = sparse_matrix(N, P, 0), sparse_matrix(N, P, 1)
    union = (dense(first) != 0) | (dense(second) != 0)
    fused = fusion_of(stem)([first, second])
    assert fused.values().numel() == union.sum()
    assert torch.equal(fused.to_dense() != 0, (fusion_of(stem)([dense(first), dense(second)]) != 0))


@pytest.mark.parametrize("stem", FUSIONS)
def test_sparse_matrices_without_links(stem: str) -> None:
    n = P if stem in SQUARE else N
    empty = torch.zeros(n, P, dtype=torch.float64).to_sparse_csr()
    for inputs in ([empty], [empty, empty], [empty, sparse_matrix(n, P)], [data(n, P), empty]):
        fusion = fusion_of(stem, [P] * len(inputs)).double()
        torch.testing.assert_close(dense(fusion(inputs)), fusion([dense(part) for part in inputs]))


@pytest.mark.parametrize("stem", FUSIONS)
def test_sparse_matrices_of_different_widths_or_of_one_object(stem: str) -> None:
    part = sparse_matrix(P if stem in SQUARE else N, P)
    fusion = fusion_of(stem, [P] * 2).double()
    torch.testing.assert_close(dense(fusion([part, part])), fusion([dense(part)] * 2))
    if stem == "concatenation":
        parts = [sparse_matrix(N, p, seed=p) for p in (3, 7, 2)]
        fused = fusion(parts)
        assert fused.layout == CSR
        torch.testing.assert_close(dense(fused), torch.cat([dense(part) for part in parts], dim=1))


@pytest.mark.parametrize("stem", FUSIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_sparse_fusions_in_other_dtypes(stem: str, dtype: torch.dtype) -> None:
    n = P if stem in SQUARE else N
    parts = [sparse_matrix(n, P, seed).to(dtype) for seed in range(2)]
    fusion = fusion_of(stem, [P] * 2).to(dtype)
    fused = fusion(parts)
    assert (fused.dtype, fused.layout) == (dtype, _expected_layout(stem, "ss"))
    torch.testing.assert_close(dense(fused), fusion([dense(part) for part in parts]))


def _restricted(stem: str, matrix: Tensor) -> Tensor:
    """The formula over stored entries; what is not stored is no 0 to a softmax, it is not there."""
    entries, stored = dense(matrix), dense(matrix) != 0
    if stem.startswith("softmax"):
        dim = 1 if stem == "softmax_row" else 0
        weights = torch.where(stored, entries.exp(), 0.0)
        sums = weights.sum(dim=dim, keepdim=True)
        return weights / torch.where(sums == 0, 1.0, sums)
    return POSTPROCESSES[stem]()(entries)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses(stem: str, seed: int) -> None:
    matrix = sparse_matrix(N, P, seed)
    processed = POSTPROCESSES[stem]()(matrix)
    assert processed.layout == CSR
    assert torch.equal(processed.crow_indices(), matrix.crow_indices())
    assert torch.equal(processed.col_indices(), matrix.col_indices())
    torch.testing.assert_close(dense(processed), _restricted(stem, matrix), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses_of_nothing(stem: str) -> None:
    empty = torch.zeros(N, P).to_sparse_csr()
    assert POSTPROCESSES[stem]()(empty).values().numel() == 0


def test_a_stored_zero_takes_part_in_a_softmax() -> None:
    rows, columns = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 1])
    matrix = csr.from_entries(rows, columns, torch.tensor([0.0, 0.0, 5.0]), (2, 3))
    expected = torch.tensor([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    torch.testing.assert_close(dense(POSTPROCESSES["softmax_row"]()(matrix)), expected)


def test_entries_given_twice_are_added() -> None:
    rows, columns = torch.tensor([1, 0, 1]), torch.tensor([2, 1, 2])
    matrix = csr.from_entries(rows, columns, torch.tensor([1.0, 2.0, 4.0]), (2, 3))
    assert torch.equal(dense(matrix), torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 5.0]]))
    assert matrix.values().numel() == 2


@pytest.mark.parametrize("stem", [stem for stem, cls in XIS.items() if "Sparse" in (cls.__doc__ or "")])
def test_what_is_stated_sparse_is_so(stem: str) -> None:
    """And holds no zeros."""
    assert XIS[stem].sparse
    for kind in TYPES:
        matrix = function(stem, N, P, kind).calculate_A(data(N, P, dtype=torch.float32))
        assert matrix.layout == CSR
        assert matrix.values().ne(0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_hybrids_of_sparse_parts_equal_those_of_dense_ones(fusion: str, kind: str, dtype: torch.dtype) -> None:
    hybrid = hybrid_of(["chain", "graph", "identity"], fusion, N, P, kind).to(dtype)
    x = data(N, P, dtype=dtype)
    matrix = hybrid.calculate_A(x)
    assert matrix.layout == _expected_layout(fusion, "sss")
    whole = dense(matrix).double()
    expected = x.double() @ whole if kind == "attribute" else whole.T @ x.double()
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(hybrid(x).double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", TYPES)
def test_the_papers_graph_hybrid(kind: str) -> None:
    """Graph × bilinear, softmax over each column's links: an absent link must not enter as exp(0)."""
    n = P if kind == "attribute" else N
    links = [(i, j) for i in range(n) for j in range(n) if (i + 2 * j) % 3 == 0]
    graph = XIS["graph"](
        N, P, kind, links=links, directed=False, self_dependence=True, normalization=POSTPROCESSES["column"]()
    )
    bilinear = function("bilinear_lowrank", N, P, kind)
    hybrid = type(hybrid_of(["chain"], "prod", N, P, kind))(
        N,
        P,
        kind,
        interdependence_functions=[graph, bilinear],
        fusion_function=FUSIONS["prod"](),
        postprocess=POSTPROCESSES["softmax_column"](),
    ).double()
    x = data(N, P)
    adjacency, scores = dense(graph.calculate_A(x)), bilinear.calculate_A(x)
    linked = adjacency != 0
    weights = torch.where(linked, (adjacency * scores).exp(), 0.0)
    got = hybrid.calculate_A(x)
    assert got.layout == CSR
    torch.testing.assert_close(dense(got), weights / weights.sum(dim=0))
    torch.testing.assert_close(dense(got).sum(dim=0), torch.ones(n, dtype=torch.float64))


CHEAPER = [stem for stem, cls in XIS.items() if cls.transform is not Interdependence.transform]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", CHEAPER)
def test_a_cheaper_product_is_the_plain_one(stem: str, kind: str) -> None:
    """In value, and in the gradients towards all that it depends on; for few and for many columns of κ(X)."""
    xi, x = function(stem, N, P, kind).double(), data(N, P).requires_grad_()
    for width in (1, 3, 40):
        kappa = data(xi.n, width, seed=1).requires_grad_()
        products = xi.transform(xi.items_of(x), kappa), Interdependence.transform(xi, xi.items_of(x), kappa)
        assert products[0].shape == (xi.p, width)
        torch.testing.assert_close(*products, rtol=1e-10, atol=1e-10)
        weight, towards = data(xi.p, width, seed=2), [x, kappa, *xi.parameters()]
        cheap, plain = (
            torch.autograd.grad((product * weight).sum(), towards, materialize_grads=True) for product in products
        )
        torch.testing.assert_close(cheap, plain, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_what_is_exported_takes_a_way_without_numbers_to_the_same(
    stem: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = data(8, 7)
    rows[3], rows[4], rows[6] = rows[2], rows[2] + 1e-6 * rows[5], 1e-6 * rows[5] - rows[2]  # there some sums cancel
    x = items(rows, kind)
    xi = function(stem, *x.shape, kind).double()
    expected = dense(xi.calculate_A(x))
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(dense(xi.calculate_A(x)), expected, rtol=1e-9, atol=1e-12)
