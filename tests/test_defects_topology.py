"""Mistakes that a library of the same chains and graphs has made, by the number under which they are kept.

N16 and N17 (nodes added to and deleted from a graph) and C24 (questions to a graph about its neighbours and nodes)
cannot arise: a graph here is its links, given once.
"""

import math

import networkx as nx
import numpy as np
import pytest
import torch

from catalogue import XIS, data, dense, finite
from hybridfuse.postprocess.row import Row
from hybridfuse.postprocess.symmetric import Symmetric

TRIANGLE = [(0, 1), (1, 2), (2, 0)]
LINKED = ["graph", "multihop_graph", "pagerank_graph", "heat_graph"]
CHAINS = ["chain", "multihop_chain", "inverse_chain", "exponential_chain"]


def _matrix(stem: str, n: int, **given: object) -> torch.Tensor:
    return dense(XIS[stem](1, n, **given).double().calculate_A())


@pytest.mark.parametrize("stem", ["multihop_chain", "multihop_graph"])
def test_n02_accumulated_hops_include_the_one_of_none(stem: str) -> None:
    links = {"links": [(0, 1), (1, 2), (2, 3)]} if stem == "multihop_graph" else {}
    for h, row in [(0, [1, 0, 0, 0]), (1, [1, 1, 0, 0]), (2, [1, 1, 1, 0]), (9, [1, 1, 1, 1])]:
        matrix = _matrix(stem, 4, hops=h, accumulative=True, self_dependence=False, **links)
        assert matrix[0].tolist() == row


def test_n03_symmetric_normalisation_keeps_a_chain_symmetric() -> None:
    matrix = _matrix("chain", 5, bi_directional=True, normalization=Symmetric())
    torch.testing.assert_close(matrix, matrix.T, rtol=1e-15, atol=0)
    assert matrix[0, 1].item() == pytest.approx(6**-0.5)


@pytest.mark.parametrize("stem", [*CHAINS, *LINKED, "knn_graph"])
def test_n10_self_links_and_their_scaling_change_every_function(stem: str) -> None:
    given: dict[str, object] = {"links": [(0, 1), (1, 2)]} if stem in LINKED else {}
    if stem == "inverse_chain":
        given["damping"] = 0.3
    x = data(3, 5)
    found = [
        dense(XIS[stem](3, 5, self_dependence=own, self_scaling=scaling, **given).double().calculate_A(x))
        for own, scaling in [(False, 1.0), (False, 2.0), (True, 1.0), (True, 2.0)]
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])
    assert not torch.allclose(found[2], found[3])


@pytest.mark.parametrize("stem", [*CHAINS, "graph", "multihop_graph", "pagerank_graph"])
def test_n10_normalisation_changes_every_function(stem: str) -> None:
    given: dict[str, object] = {"links": [(0, 1), (0, 2), (1, 2)]} if stem not in CHAINS else {"bi_directional": True}
    if stem == "inverse_chain":
        given["damping"] = 0.4
    plain, normalised = (_matrix(stem, 4, normalization=one, **given) for one in (None, Symmetric()))
    assert not torch.allclose(plain, normalised)


@pytest.mark.parametrize("n", [1000, 20_000])
def test_n11_long_inverse_chains_both_ways_are_finite(n: int) -> None:
    """And refused where there is no inverse, or where the series of links does not converge."""
    xi = XIS["inverse_chain"](1, n, bi_directional=True, damping=0.5)
    assert finite(xi(torch.ones(1, n)))
    if n == 1000:
        matrix = xi.double().calculate_A()
        links = 0.5 * dense(XIS["chain"](1, n, bi_directional=True, self_dependence=False).double().calculate_A())
        torch.testing.assert_close(matrix - matrix @ links, torch.eye(n, dtype=torch.float64), rtol=0, atol=1e-8)
        assert matrix.min() > 0
    normalised = XIS["inverse_chain"](1, n, bi_directional=True, damping=0.99, normalization=Row())
    torch.testing.assert_close(normalised(torch.ones(1, n)).mean(), torch.tensor(100.0), rtol=1e-4, atol=0)
    with pytest.raises(ValueError, match=r"^damping must be < 0\.5"):
        XIS["inverse_chain"](1, n, bi_directional=True)


def test_n12_pagerank_is_of_a_stochastic_matrix() -> None:
    matrix = _matrix("pagerank_graph", 3, links=TRIANGLE, directed=False)
    expected = torch.full((3, 3), 0.2982) + 0.1053 * torch.eye(3)
    torch.testing.assert_close(matrix.float(), expected, rtol=0, atol=1e-4)
    star = _matrix("pagerank_graph", 9, links=[(0, i) for i in range(1, 9)], directed=False)
    assert star.min() > 0
    torch.testing.assert_close(star.sum(dim=1), torch.ones(9, dtype=torch.float64))


@pytest.mark.parametrize("stem", ["graph", "chain", "knn_graph"])
def test_n20_a_misspelt_option_is_refused(stem: str) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'length'"):
        XIS[stem](3, 4, length=4)


def test_n32_accumulated_hops_both_ways_are_not_normalised_unasked() -> None:
    matrix = _matrix("multihop_chain", 3, hops=2, accumulative=True, bi_directional=True, self_dependence=False)
    assert matrix.sum(dim=0).tolist() == [4.0, 5.0, 4.0]


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
@pytest.mark.parametrize("accumulative", [False, True])
def test_n34_c26_every_power_is_sparse_and_none_is_below_zero(hops: int, accumulative: bool) -> None:
    matrix = XIS["multihop_graph"](1, 3, links=TRIANGLE, hops=hops, accumulative=accumulative).calculate_A()
    assert matrix.layout == torch.sparse_csr
    with pytest.raises(ValueError, match=rf"^hops must be >= 0, got {-hops - 1}\.$"):
        XIS["multihop_graph"](1, 3, links=TRIANGLE, hops=-hops - 1)


@pytest.mark.parametrize("stem", [*CHAINS, *LINKED, "knn_graph"])
def test_c07_no_links_one_node_and_a_chain_of_one(stem: str) -> None:
    given = {"links": []} if stem in LINKED else {}
    for n in (1, 2):
        x = data(3, n)
        xi = XIS[stem](3, n, **given).double()
        matrix = dense(xi.calculate_A(x))
        assert finite(matrix)
        assert matrix.shape == (n, n)
        torch.testing.assert_close(xi(x), x @ matrix)


@pytest.mark.parametrize("stem", LINKED)
def test_c25_a_link_to_no_node_names_it(stem: str) -> None:
    for link in [("anna", "berta"), ("berta", "anna")]:
        with pytest.raises(ValueError, match=r"names 'berta', which is not among its 2 nodes; did you mean bert\?"):
            XIS[stem](3, 2, nodes=["anna", "bert"], links=[link])


@pytest.mark.parametrize("stem", [*CHAINS, *LINKED, "knn_graph"])
def test_d05_d06_dtype_and_device_are_followed(stem: str) -> None:
    given = {"links": TRIANGLE} if stem in LINKED else {}
    xi = XIS[stem](3, 4, **given)
    assert xi(data(3, 4)).dtype == xi.double()(data(3, 4)).dtype == torch.float64
    assert xi.to("meta").calculate_A(torch.empty(3, 4, device="meta")).device.type == "meta"
    assert xi(torch.empty(3, 4, device="meta")).shape == (3, 4)


@pytest.mark.parametrize("stem", ["graph", "multihop_graph", "exponential_chain", "multihop_chain"])
def test_d13_sparse_functions_hold_their_links_alone(stem: str) -> None:
    n = 5000
    given = {"links": [(i, 7 * i % n) for i in range(n)]} if "graph" in stem else {}
    matrix = XIS[stem](1, n, normalization=Row(), **given).calculate_A()
    assert matrix.layout == torch.sparse_csr
    assert matrix.values().numel() <= 20 * n


@pytest.mark.parametrize("stem", ["pagerank_graph", "heat_graph", "inverse_chain"])
def test_d13_dense_functions_of_many_nodes_are_never_built(stem: str) -> None:
    """A would have 10¹⁰ entries."""
    n = 100_000
    given = {"links": np.stack([np.arange(n), np.arange(n) * 7 % n])} if "graph" in stem else {}
    y = XIS[stem](n, 1, "instance", **given)(torch.ones(n, 1))
    assert finite(y)
    if stem != "inverse_chain":
        assert y.sum().item() == pytest.approx(n, rel=1e-2)
    else:
        assert y[-1].item() == n


def test_walks_that_end_are_told_from_those_that_start_again() -> None:
    """networkx gives a walk that ends back to its start; here its weight is lost."""
    matrix = _matrix("pagerank_graph", 2, links=[(0, 1)])
    torch.testing.assert_close(matrix, torch.tensor([[0.15, 0.1275], [0.0, 0.15]], dtype=torch.float64))
    ranks = nx.pagerank(nx.DiGraph([(0, 1)]), 0.85, {0: 1.0}, max_iter=1000, tol=1e-12)
    assert ranks[1] / ranks[0] == pytest.approx(0.85)
    assert not math.isclose(ranks[0], 0.15)
