"""Every matrix equals an independent oracle, from scikit-learn, scipy, numpy, networkx or a plain loop."""

import inspect
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import softmax

from catalogue import (
    DATA_DEPENDENT,
    FUNCTIONS,
    FUSIONS,
    POSTPROCESSES,
    RECONCILIATIONS,
    XIS,
    data,
    dense,
    flat,
    function,
    fusion_of,
    inputs_of,
    items,
    matrices,
    named,
    stated_range,
    without_caps,
)
from families import collected
from families.common import Array, Case, Oracle, by_row, symmetric
from families.fusions import FUSION_ORACLES
from families.learned import RECONCILIATION_ORACLES
from families.topology import LINKS, graph_matrix
from hybridfuse.interdependence.base import TYPES

B, M = 6, 5


XI_ORACLES: dict[str, list[Case]] = collected("ORACLES")

POSTPROCESS_ORACLES: dict[str, Callable[[Array], Array]] = {
    "column": lambda a: by_row(a.T).T,
    "row": by_row,
    "softmax_column": lambda a: softmax(a, axis=0),
    "softmax_row": lambda a: softmax(a, axis=1),
    "symmetric": symmetric,
}

XI_ROWS = [
    pytest.param(stem, given, oracle, kind, id=f"{stem}-{named(given)}-{kind}")
    for stem, rows in XI_ORACLES.items()
    for options, oracle in rows
    for kind in TYPES
    for given in [options(M if kind == "attribute" else B) if callable(options) else options]
]


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (XI_ORACLES, XIS),
        (FUSION_ORACLES, FUSIONS),
        (POSTPROCESS_ORACLES, POSTPROCESSES),
        (RECONCILIATION_ORACLES, RECONCILIATIONS),
    ],
    ids=["interdependence", "fusion", "postprocess", "reconciliation"],
)
def test_there_is_an_oracle_for_each_class(table: dict[str, object], found: dict[str, type]) -> None:
    assert table.keys() == found.keys()


@pytest.mark.parametrize("stem", XIS)
def test_each_option_of_a_xi_is_in_its_oracle_rows(stem: str) -> None:
    options = set(inspect.signature(XIS[stem]).parameters) - {"b", "m", "interdependence_type"}
    elsewhere = collected("ELSEWHERE").get(stem, set())
    given = [given(B) if callable(given) else given for given, _ in XI_ORACLES[stem]]
    assert set().union(*given) == options - elsewhere


def _close(got: torch.Tensor, expected: Array, given: dict[str, Any]) -> None:
    # What is normalised at construction is kept in float32.
    tolerance = 1e-6 if "normalization" in given else 1e-11
    assert got.dtype == torch.float64
    torch.testing.assert_close(dense(got), torch.from_numpy(expected), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("stem", "given", "oracle", "kind"), XI_ROWS)
def test_xi(stem: str, given: dict[str, Any], oracle: Oracle, kind: str) -> None:
    xi = function(stem, B, M, kind, **given).double()
    x = data(B, M)
    _close(xi.calculate_A(x), oracle(items(x, kind).numpy(), flat(xi).numpy()), given)


@pytest.mark.parametrize(("stem", "given", "oracle", "kind"), XI_ROWS)
def test_xi_with_parameters_from_outside(stem: str, given: dict[str, Any], oracle: Oracle, kind: str) -> None:
    xi = function(stem, B, M, kind, **given).double()
    own = flat(xi)
    x, w = data(B, M), data(1, len(own), seed=7)
    assert xi.calculate_l() == len(own)
    for shaped in (w, w.reshape(-1)):
        _close(xi.calculate_A(x, shaped), oracle(items(x, kind).numpy(), w.numpy()[0]), given)
    torch.testing.assert_close(flat(xi), own, rtol=0, atol=0)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_gradient_to_outside_parameters(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind).double()
    x, weight = data(B, M), data(xi.n, xi.p, seed=3)
    w = flat(xi).requires_grad_()
    loss = (dense(xi.calculate_A(x, w)) * weight).sum()
    own = (dense(xi.calculate_A(x)) * weight).sum()
    assert loss.item() == pytest.approx(own.item(), rel=1e-12)
    assert loss.requires_grad == own.requires_grad == xi.require_parameters
    if xi.require_parameters:
        loss.backward()
        own.backward()
        expected = torch.cat([parameter.grad.reshape(-1) for parameter in xi.parameters()])
        assert expected.abs().min() > 0
        torch.testing.assert_close(w.grad, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stem", FUSIONS)
def test_fusion(stem: str) -> None:
    for k, (options, oracle) in itertools.product([1, 2, 3, 4, 7], FUSION_ORACLES[stem]):
        inputs = inputs_of(stem, k, p=8)
        fusion = fusion_of(stem, [8] * k, **(options(k) if callable(options) else options)).double()
        for index, parameter in enumerate(fusion.parameters()):
            parameter.data = data(1, parameter.numel(), seed=50 + index).reshape(parameter.shape)
        expected = torch.from_numpy(np.asarray(oracle([matrix.numpy() for matrix in inputs], flat(fusion).numpy())))
        for given in (inputs, iter(inputs)):
            torch.testing.assert_close(fusion(given), expected, rtol=1e-12, atol=1e-12)
            with torch.no_grad():
                torch.testing.assert_close(fusion(given if given is inputs else iter(inputs)), expected)
        assert expected.shape[1] == fusion.calculate_n() == fusion.calculate_n([8] * k)


@pytest.mark.parametrize("stem", FUSIONS)
def test_each_option_of_a_fusion_is_in_its_oracle_rows(stem: str) -> None:
    given = [options(3) if callable(options) else options for options, _ in FUSION_ORACLES[stem]]
    assert set().union(*given) == set(inspect.signature(FUSIONS[stem]).parameters) - {"dims"}


def test_concatenation_of_different_widths() -> None:
    inputs = [data(3, p, seed=p) for p in (1, 4, 2)]
    fusion = FUSIONS["concatenation"]()
    torch.testing.assert_close(fusion(inputs), torch.from_numpy(np.hstack([a.numpy() for a in inputs])))
    assert fusion.calculate_n([1, 4, 2]) == 7


@pytest.mark.parametrize("k", [1, 2, 5])
def test_learned_weights_start_at_the_mean(k: int) -> None:
    inputs = matrices(k, dtype=torch.float32)
    expected = FUSIONS["mean"]()(inputs)
    torch.testing.assert_close(FUSIONS["weighted_sum_learned"]([5] * k)(inputs), expected)


@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocess(stem: str) -> None:
    matrix = data(4, 5)
    matrix[1], matrix[:, 2] = 0.0, 0.0
    expected = torch.from_numpy(POSTPROCESS_ORACLES[stem](matrix.numpy()))
    torch.testing.assert_close(POSTPROCESSES[stem]()(matrix), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("stem", "given", "oracle"),
    [
        pytest.param(stem, given, oracle, id=f"{stem}-{named(given)}")
        for stem, rows in RECONCILIATION_ORACLES.items()
        for given, oracle in rows
    ],
)
def test_reconciliation(stem: str, given: dict[str, Any], oracle: Callable[[Array, int, int], Array]) -> None:
    psi = RECONCILIATIONS[stem](6, 8, **given).double()
    torch.testing.assert_close(psi(), torch.from_numpy(oracle(flat(psi).numpy(), 6, 8)), rtol=1e-13, atol=1e-13)
    assert (psi.rows, psi.columns) == psi().shape


@pytest.mark.parametrize("std", [None, 0.2, 5.0])
@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_reconciliation_starts_with_its_standard_deviation(stem: str, std: float | None) -> None:
    torch.manual_seed(0)
    psi = torch.cat([RECONCILIATIONS[stem](30, 40, std=std)().detach() for _ in range(300)])
    assert psi.std().item() == pytest.approx(40**-0.5 if std is None else std, rel=0.1)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [stem for stem in XIS if stem.startswith(("bilinear", "parameterized"))])
def test_learned_matrices_start_with_variance_one_over_n(stem: str, kind: str) -> None:
    b, m = 40, 25
    torch.manual_seed(0)
    x = data(b, m, dtype=torch.float32)
    drawn = torch.stack([XIS[stem](b, m, kind).calculate_A(x).detach() for _ in range(400)])
    assert drawn.std().item() == pytest.approx((m if kind == "attribute" else b) ** -0.5, rel=0.1)


@pytest.mark.parametrize("kind", TYPES)
def test_attention_starts_with_queries_and_keys_of_variance_one(kind: str) -> None:
    torch.manual_seed(0)
    x = data(40, 25, dtype=torch.float32)
    attention = XIS["attention"](40, 25, kind, width=200)
    for parameter in attention.parameters():
        assert (items(x, kind) @ parameter).std().item() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_float32_is_near_float64(stem: str, offset: float, kind: str) -> None:
    x = (data(B, M) + offset).float()
    xi = function(stem, B, M, kind)
    single = dense(xi.calculate_A(x)).detach()
    double = dense(xi.double().calculate_A(x.double())).detach()
    assert single.dtype == torch.float32
    single, double = without_caps(stem, single.double(), double)
    torch.testing.assert_close(single, double, rtol=2e-4, atol=2e-4 * max(1.0, double.abs().max().item()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_half_precision_is_near_float64(stem: str, dtype: torch.dtype) -> None:
    """Within 4 units of the last place for what is computed in float32, 8 for chains of products of parameters."""
    x = data(B, M).to(dtype)
    xi = function(stem, B, M, "instance").to(dtype)
    half = dense(xi.calculate_A(x)).detach()
    double = dense(xi.double().calculate_A(x.double())).detach()
    assert half.dtype == dtype
    units = 8 if xi.require_parameters else 4
    tolerance = units * torch.finfo(dtype).eps * max(1.0, double.abs().max().item())
    half, double = without_caps(stem, half.double(), double)
    torch.testing.assert_close(half, double, rtol=0, atol=tolerance)


@pytest.mark.parametrize("stem", ["euclidean_distance", "gaussian_rbf"])
def test_distances_of_near_items_far_from_zero(stem: str) -> None:
    """Squared norms cancel here; the entries are computed again from differences."""
    x = torch.cat([1e-3 * data(8, 3, seed=1), 1e-3 * data(8, 3, seed=2) + 1e4])
    distances = cdist(x, x)
    expected = np.exp(-distances) if stem == "euclidean_distance" else np.exp(-(distances**2) / 2)
    got = function(stem, 16, 3, "instance").calculate_A(x)
    torch.testing.assert_close(got, torch.from_numpy(expected), rtol=0, atol=1e-12)


CSV = {
    "plain": "0,1\n0,1\n1,0\n1,2\n2,2\n4,0\n",
    "header": "source,target\n0,1\n1,0\n1,2\n2,2\n4,0\n",
    "another header": "From,To\n0,1\n1,0\n1,2\n2,2\n4,0\n",
    "blank lines and spaces": "0, 1\n\n1, 0\n 1 ,2\n2,2\n\n4,0",
    "quotes, CRLF and a byte order mark": '\ufeff"0","1"\r\n1,0\r\n1,2\r\n2,2\r\n4,0\r\n',
}


@pytest.mark.parametrize("text", CSV.values(), ids=CSV)
def test_graph_from_a_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(text, encoding="utf-8", newline="")
    got = XIS["graph"](B, M, path=str(tmp_path / "links.csv")).calculate_A()
    torch.testing.assert_close(dense(got).double(), torch.from_numpy(graph_matrix(M, LINKS)))


@pytest.mark.parametrize("text", ["", "source,target\n"])
def test_graph_from_a_file_without_links(text: str, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(text)
    assert dense(XIS["graph"](B, M, path=str(tmp_path / "links.csv")).calculate_A()).eq(0).all()


def test_graph_from_links_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text("1,2\n2,2\n4,0\n")
    got = XIS["graph"](B, M, links=LINKS[:3], path=str(tmp_path / "links.csv")).calculate_A()
    torch.testing.assert_close(dense(got).double(), torch.from_numpy(graph_matrix(M, LINKS)))


@pytest.mark.parametrize("nodes", [["e", "a", "b", "c", "d"], [9, 0, 1, 2, 3], [("x", 1), "a", 3, "3", None]])
def test_graph_with_named_nodes(nodes: list[Any]) -> None:
    got = XIS["graph"](B, M, nodes=nodes, links=[(nodes[i], nodes[j]) for i, j in LINKS]).calculate_A()
    torch.testing.assert_close(dense(got).double(), torch.from_numpy(graph_matrix(M, LINKS)))


def test_graph_with_named_nodes_from_a_file(tmp_path: Path) -> None:
    """A name in a file is a text, and matches the number that is written like it."""
    nodes = [7, "b", 2.5, "d", 0]
    (tmp_path / "links.csv").write_text("".join(f"{nodes[i]},{nodes[j]}\n" for i, j in LINKS))
    got = XIS["graph"](B, M, nodes=nodes, path=str(tmp_path / "links.csv")).calculate_A()
    torch.testing.assert_close(dense(got).double(), torch.from_numpy(graph_matrix(M, LINKS)))


@pytest.mark.parametrize("stem", [stem for stem in XIS if stated_range(stem)])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_entries_lie_in_the_range_that_the_docstring_states(stem: str, offset: float) -> None:
    low, high = stated_range(stem)
    x = data(B, M) + offset
    x[3], x[4] = x[2], 2.0 * x[1]
    matrix = function(stem, B, M, "instance").double().calculate_A(x)
    assert matrix.min() >= low
    assert matrix.max() <= high
