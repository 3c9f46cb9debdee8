"""Chains and graphs beyond their oracle rows: large ones, long ones, nothing built that need not be."""

import math
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.neighbors import kneighbors_graph
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from catalogue import XIS, data, dense, function, sparse_matrix
from families.topology import COSINE, OF_LINKS, chain_matrix, graph_matrix, hops, inverse, resolvent
from hybridfuse.functional import chebyshev, csr, graph, neighbors, propagate, tridiagonal
from hybridfuse.functional.stored import Stored
from hybridfuse.fusion.prod import Prod
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence import pagerank_graph
from hybridfuse.interdependence.propagated_base import PropagatedBase
from hybridfuse.postprocess.base import Postprocess
from hybridfuse.postprocess.row import Row

PROPAGATED = [stem for stem, cls in XIS.items() if issubclass(cls, PropagatedBase)]
CHAINS = ["chain", "multihop_chain", "inverse_chain", "exponential_chain"]


def _ring(n: int, more: int = 0) -> list[tuple[int, int]]:
    """A ring, and chords of it."""
    return [(i, (i + 1) % n) for i in range(n)] + [(i * 7 % n, i * i % n) for i in range(more)]


def _matrix(stem: str, n: int, **given: Any) -> Tensor:
    return dense(XIS[stem](1, n, **given).double().calculate_A())


class Scaled(Postprocess):
    """Links as they are, times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, matrix: Tensor) -> Tensor:
        return csr.with_values(matrix, self.factor * matrix.values())


def test_there_are_functions_that_are_applied_without_being_built() -> None:
    assert PROPAGATED == ["heat_graph", "inverse_chain", "multihop_chain", "multihop_graph", "pagerank_graph"]


@pytest.mark.parametrize("stem", PROPAGATED)
def test_a_state_holds_the_links_alone(stem: str) -> None:
    """Whatever has been computed of them, and is kept until they change."""
    xi, n = function(stem, 4, 30), 30
    links = {name: value.numel() for name, value in xi.state_dict().items()}
    first = xi.calculate_A()
    assert xi.calculate_A() is first
    xi(data(4, 30, dtype=torch.float32))
    assert {name: value.numel() for name, value in xi.state_dict().items()} == links
    assert sum(links.values()) <= 9 * n
    before = dense(first).clone()
    with torch.no_grad():
        xi.stored.values.mul_(0.5)
    changed = dense(xi.calculate_A())
    assert not torch.equal(changed, before)
    x = data(4, 30, dtype=torch.float32)
    torch.testing.assert_close(xi(x), x @ changed, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stem", PROPAGATED)
def test_second_derivatives_towards_what_is_transformed(stem: str) -> None:
    xi = function(stem, 4, 5).double()
    kappa_x = data(3, 5, seed=1).requires_grad_()
    assert gradgradcheck(lambda z: xi(data(4, 5), z).square(), kappa_x)


@pytest.mark.parametrize("stem", [*CHAINS, *OF_LINKS, "knn_graph"])
def test_matrices_and_products_ignore_automatic_mixed_precision(stem: str) -> None:
    xi, x = function(stem, 6, 5), data(6, 5, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, matrix = xi(x), dense(xi.calculate_A(x))
    assert torch.equal(mixed, xi(x))
    assert torch.equal(matrix, dense(xi.calculate_A(x)))


# multihop


@pytest.mark.parametrize("number", [0, 1, 2, 5])
@pytest.mark.parametrize("accumulative", [False, True])
def test_ways_are_sparse_and_in_order(number: int, accumulative: bool) -> None:
    links = _ring(40, 30)
    xi = XIS["multihop_graph"](3, 40, links=links, hops=number, accumulative=accumulative)
    matrix = xi.calculate_A()
    assert matrix.layout == torch.sparse_csr
    rows, columns = csr.indices(matrix)
    assert (rows * 40 + columns).diff().gt(0).all()
    expected = hops(graph_matrix(40, links), number, accumulative)
    torch.testing.assert_close(dense(matrix).double(), torch.from_numpy(expected))
    x = data(3, 40)
    torch.testing.assert_close(xi(x), x @ torch.from_numpy(expected), rtol=1e-12, atol=1e-12)


def test_many_hops_need_no_power() -> None:
    """Which would have 10⁸ entries."""
    n = 10_000
    xi = XIS["multihop_graph"](2, n, links=_ring(n, 5 * n), hops=12, normalization=Row())
    torch.testing.assert_close(xi.float()(torch.ones(n, 2).T).sum(), torch.tensor(2.0 * n), rtol=1e-4, atol=0.0)


# pagerank


@pytest.mark.parametrize("restart", [0.05, 0.15, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("directed", [True, False])
def test_pagerank_by_iteration_is_that_by_solving(restart: float, directed: bool) -> None:
    """Also where walks end, where a node stands alone, and for values of any size."""
    n, links = 60, [link for link in _ring(60, 80) if link[0] % 7 and 59 not in link]
    xi = XIS["pagerank_graph"](4, n, links=links, directed=directed, restart=restart).double()
    matrix = xi.calculate_A()
    expected = torch.from_numpy(resolvent(dense(xi.stored()).numpy(), restart))
    torch.testing.assert_close(matrix, expected, rtol=1e-11, atol=1e-13)
    for scale in (1e-200, 1.0, 1e200):
        z = scale * data(n, 4)
        got = propagate.over_pagerank(xi.stored.transposed(), z, restart, xi._radius, xi._real)
        torch.testing.assert_close(got / scale, expected.T @ (z / scale), rtol=0, atol=1e-13 / restart)
    zero = torch.zeros(n, 2, dtype=torch.float64)
    assert torch.equal(propagate.over_pagerank(xi.stored.transposed(), zero, restart, xi._radius, xi._real), zero)


@pytest.mark.parametrize("directed", [True, False])
def test_pagerank_takes_about_the_steps_that_are_foreseen(directed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far fewer where eigenvalues are real."""
    xi = XIS["pagerank_graph"](4, 60, links=_ring(60, 80), directed=directed).double()
    taken = _counted(monkeypatch)
    propagate.over_pagerank(xi.stored.transposed(), data(60, 4), 0.15, xi._radius, xi._real)
    foreseen = propagate.steps(0.15, 1.0, torch.float64, not directed)
    assert xi._radius == pytest.approx(1.0)
    assert xi._real == (not directed)
    rate = 0.85 if directed else 0.85 / (1.0 + math.sqrt(1.0 - 0.85**2))
    assert foreseen == pytest.approx(-52 * math.log(2.0) / math.log(rate), rel=1e-9)
    assert 0.5 * foreseen < len(taken) < 1.3 * foreseen


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each product of a matrix with items from now on."""
    taken: list[int] = []
    original = torch.addmm

    def watched(*args: Any, **options: Any) -> Tensor:
        taken.append(1)
        return original(*args, **options)

    monkeypatch.setattr(torch, "addmm", watched)
    return taken


def test_pagerank_starts_from_what_is_right_along_the_dominant_eigenvector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the steps at most on a random graph, forward and backward; where walks end, too."""
    n = 400
    links = torch.randint(0, n, (2, 5 * n), generator=torch.Generator().manual_seed(0))
    for kept in (links, links[:, links[0] % 9 > 0]):
        xi = XIS["pagerank_graph"](n, 3, "instance", links=kept).double()
        vectors = propagate.dominant_vectors(xi.stored.transposed(), xi.stored())
        assert vectors is not None
        expected = torch.from_numpy(resolvent(dense(xi.stored()).numpy(), 0.15))
        taken = _counted(monkeypatch)
        counts: list[int] = []
        for start in (None, vectors):
            taken.clear()
            got = propagate.over_pagerank(xi.stored.transposed(), data(n, 3), 0.15, xi._radius, dominant=start)
            torch.testing.assert_close(got, expected.T @ data(n, 3), rtol=0, atol=1e-13)
            counts.append(len(taken))
        assert counts[1] <= 0.5 * counts[0]


@pytest.mark.parametrize("given", [[(0, 1), (1, 2)], [(0, 1), (1, 0), (1, 2), (2, 3)], _ring(9), []])
def test_a_dominant_eigenvector_is_one_or_none(given: list[tuple[int, int]]) -> None:
    """None where no way leads back."""
    matrix = graph.adjacency(torch.tensor(given).reshape(-1, 2).long(), 9)
    found = propagate.dominant_vectors(csr.transposed(matrix), matrix)
    assert (found is not None) == ((1, 0) in given or len(given) == 9)
    if found is not None:
        value, right, left = found
        torch.testing.assert_close(dense(matrix).T @ right, value * right)
        torch.testing.assert_close(left @ dense(matrix).T, value * left)
        torch.testing.assert_close(left @ right, torch.ones(1, 1, dtype=torch.float64))


@pytest.mark.parametrize("stem", ["heat_graph", "pagerank_graph"])
def test_columns_are_treated_some_at_a_time(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where A is not built, in value and in gradients; that of zero items is no less precise."""
    monkeypatch.setattr(pagerank_graph, "_DENSE", 0)
    n, links = 40, _ring(40, 60)
    xi = XIS[stem](n, 7, "instance", links=links).double()
    matrix = dense(xi.calculate_A())
    for size in (1, 3 * n, 100 * n):
        monkeypatch.setattr(propagate, "_BLOCK", size)
        for x in (data(n, 7), torch.zeros(n, 7, dtype=torch.float64), data(7, n).T):
            given, weight = x.clone().requires_grad_(), data(n, 7, seed=1)
            y = xi(given)
            torch.testing.assert_close(y, matrix.T @ x if stem == "pagerank_graph" else matrix @ x)
            (gradient,) = torch.autograd.grad((y * weight).sum(), given)
            torch.testing.assert_close(gradient, matrix @ weight)


def test_numbers_near_the_largest_do_not_keep_pagerank_going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerank_graph, "_DENSE", 0)
    xi = XIS["pagerank_graph"](40, 2, "instance", links=_ring(40, 60))
    xi(torch.full((40, 2), torch.finfo(torch.float32).max))
    mixed = 3e38 * data(40, 2, dtype=torch.float32).sign()
    y = xi(mixed)
    torch.testing.assert_close(y / 3e38, xi(mixed / 3e38), rtol=1e-4, atol=1e-5)


def test_pagerank_of_a_large_graph_is_never_a_matrix() -> None:
    """In value, and in its gradient; of 5000 nodes A would have 25 million entries."""
    n = 5000
    links = torch.randint(0, n, (2, 5 * n), generator=torch.Generator().manual_seed(0))
    xi = XIS["pagerank_graph"](n, 3, "instance", links=links)
    assert not xi._dense_is_cheaper(xi.stored, data(n, 3))
    x = data(n, 3).requires_grad_()
    y = xi(x)
    links, weight = _scipy(xi.stored()), data(n, 3, seed=1)
    (gradient,) = torch.autograd.grad((y * weight).sum(), x)
    for matrix, got, given in ((links.T, y, x), (links, gradient, weight)):
        solution = got.detach().numpy()
        expected = 0.15 * given.detach().numpy() + 0.85 * (matrix @ solution)
        np.testing.assert_allclose(solution, expected, rtol=0, atol=1e-13)
    assert xi._whole._known is None


def _scipy(matrix: Tensor) -> Any:
    pieces = (matrix.values(), matrix.col_indices(), matrix.crow_indices())
    return scipy.sparse.csr_array(tuple(piece.numpy() for piece in pieces), tuple(matrix.shape))


@pytest.mark.parametrize(("factor", "fine"), [(0.9 / 2, True), (1.17 / 2, True), (1.19 / 2, False), (5.0, False)])
def test_pagerank_needs_a_spectral_radius_that_lets_it_converge(factor: float, fine: bool) -> None:
    """That of an undirected ring is 2, and 1 / 0.85 = 1.176."""
    given = {"links": _ring(30), "directed": False, "normalization": Scaled(factor)}
    if fine:
        links = factor * graph_matrix(30, _ring(30), directed=False)
        torch.testing.assert_close(_matrix("pagerank_graph", 30, **given), torch.from_numpy(resolvent(links, 0.15)))
    else:
        with pytest.raises(ValueError, match=r"^restart must be > 0\.\d+ for links of spectral radius up to"):
            XIS["pagerank_graph"](1, 30, **given)


@pytest.mark.parametrize("seed", range(5))
def test_a_bound_of_the_spectral_radius(seed: int) -> None:
    """Never below it, and near it or at most 1; so it is where no way leads back."""
    matrix = torch.from_numpy(np.random.default_rng(seed).exponential(size=(20, 20)) ** 3)
    matrix = (matrix * (data(20, 20, seed=seed) > 0.7)).to_sparse_csr()
    radius = abs(np.linalg.eigvals(dense(matrix).numpy())).max()
    assert radius * (1 - 1e-12) <= propagate.radius_bound(matrix) <= max(1.05 * radius, 1.0 + 1e-9)
    assert propagate.radius_bound(torch.triu(1e3 * dense(matrix), 1).to_sparse_csr()) <= 1.0 + 1e-9
    assert propagate.radius_bound(-torch.eye(3, dtype=torch.float64).to_sparse_csr()) == 1.0
    for sums in (0, 1):
        shares = dense(matrix) / dense(matrix).sum(dim=sums, keepdim=True).clamp_min(1e-9)
        assert propagate.radius_bound(shares.to_sparse_csr()) <= 1.0 + 1e-9


# heat


@pytest.mark.parametrize("time", [0.0, 1e-9, 0.3, 1.0, 20.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_heat_is_precise_for_any_time(time: float, dtype: torch.dtype) -> None:
    n, links = 30, [link for link in _ring(30, 20) if 29 not in link]
    xi = XIS["heat_graph"](4, n, links=links, time=time).to(dtype)
    laplacian = nx.normalized_laplacian_matrix(nx.from_numpy_array(graph_matrix(n, links, directed=False)), range(n))
    values, vectors = np.linalg.eigh(laplacian.toarray())
    expected = torch.from_numpy((vectors * np.exp(-time * values.clip(0.0))) @ vectors.T)
    eps = torch.finfo(dtype).eps
    x = data(4, n, dtype=dtype)
    tolerance = 50 * eps * (1 + time**0.5)
    torch.testing.assert_close(xi(x).double(), x.double() @ expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(xi.calculate_A().double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_heat_for_a_long_time_is_as_precise_as_is_said(dtype: torch.dtype) -> None:
    """On a ring with chords, by its eigenvectors, of which the last alone counts in the end."""
    xi, x = XIS["heat_graph"](1, 24, links=_ring(24, 20)).double(), data(24, 3)
    xi(x.T)  # has the links in float64 from now on
    values, vectors = np.linalg.eigh(dense(xi.stored()).numpy())
    for time in (1e4, 1e6):
        decay = np.exp(-time * (1.0 - values).clip(0.0))
        expected = torch.from_numpy((vectors * decay) @ vectors.T) @ x
        got = propagate.over_heat(xi.stored().to(dtype), x.to(dtype), time).double()
        atol = float((10.0 + time) * torch.finfo(dtype).eps * x.abs().max())
        torch.testing.assert_close(got, expected, rtol=0, atol=atol)


@pytest.mark.parametrize(("time", "most"), [(0.0, 1), (1.0, 20), (100.0, 110), (1e4, 1000)])
def test_heat_takes_few_products(time: float, most: int) -> None:
    coefficients = chebyshev.decay(time, torch.finfo(torch.float64).eps)
    assert len(coefficients) <= most
    assert sum(coefficients) == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("time", [0.5, 50.0])
def test_no_heat_is_lost_on_a_regular_graph(time: float) -> None:
    matrix = _matrix("heat_graph", 20, links=_ring(20), time=time)
    assert torch.equal(matrix, matrix.T)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(20, dtype=torch.float64))
    alone = _matrix("heat_graph", 3, links=[(0, 1)], time=time)
    assert torch.equal(alone[2], torch.eye(3, dtype=torch.float64)[2])


# products


@pytest.mark.parametrize("width", [31, 32, 100])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_sparse_products_of_rows_of_any_length(width: int, share: float) -> None:
    """With empty rows and columns, or nothing but these; their gradients, and those of the gradients, likewise."""
    matrix = sparse_matrix(20, 30, share=share).float()
    full, z, grad = dense(matrix), data(30, width).float(), data(20, width, seed=1).float()
    torch.testing.assert_close(csr.applied(matrix, z), full @ z)
    torch.testing.assert_close(Stored(matrix).product(grad), full.T @ grad)
    values = matrix.values().clone().requires_grad_()
    given, plain = z.clone().requires_grad_(), full.clone().requires_grad_()
    product, expected = csr.product(matrix, values, given), plain @ given
    torch.testing.assert_close(product, expected)
    got = torch.autograd.grad(product, (values, given), grad, create_graph=True)
    wanted = torch.autograd.grad(expected, (plain, given), grad, create_graph=True)
    torch.testing.assert_close(got, (wanted[0][csr.indices(matrix)], wanted[1]))
    of_slopes = torch.autograd.grad(got[1].square().sum() + got[0].sum(), (values, given))
    of_full, of_z = torch.autograd.grad(wanted[1].square().sum() + wanted[0][csr.indices(matrix)].sum(), (plain, given))
    torch.testing.assert_close(of_slopes, (of_full[csr.indices(matrix)], of_z), rtol=1e-4, atol=1e-4)


# chains


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 64, 100, 1100])
@pytest.mark.parametrize("both", [False, True])
def test_tridiagonal_systems(n: int, both: bool) -> None:
    matrix = torch.eye(n, dtype=torch.float64) - 0.45 * torch.from_numpy(chain_matrix(n, both, 0.1))
    matrix = matrix * (1.0 + 0.05 * data(n, n))
    bands = tridiagonal.bands(matrix.to_sparse_csr())
    z = data(n, 3, seed=1)
    torch.testing.assert_close(tridiagonal.solve(bands, z), torch.linalg.solve(matrix, z), rtol=1e-11, atol=1e-12)
    transposed = tridiagonal.solve(tridiagonal.transpose(bands), z)
    torch.testing.assert_close(transposed, torch.linalg.solve(matrix.T, z), rtol=1e-11, atol=1e-12)
    radius = abs(np.linalg.eigvals(matrix.numpy())).max()
    assert tridiagonal.spectral_radius(bands) == pytest.approx(radius, rel=1e-12)
    exponential = tridiagonal.exponential(bands)
    torch.testing.assert_close(dense(exponential), torch.from_numpy(scipy.linalg.expm(matrix.numpy())))


def test_the_spectral_radius_of_links_of_mixed_sign_is_bounded() -> None:
    bands = torch.tensor([[0.0, -2.0, 3.0], [1.0, -4.0, 0.5], [1.0, 1.0, 0.0]], dtype=torch.float64)
    matrix = torch.diag(bands[1]) + torch.diag(bands[0, 1:], -1) + torch.diag(bands[2, :-1], 1)
    assert tridiagonal.spectral_radius(bands) >= abs(np.linalg.eigvals(matrix.numpy())).max()
    expected = abs(np.linalg.eigvals(matrix.abs().numpy())).max()
    assert tridiagonal.spectral_radius(bands) == pytest.approx(expected)


@pytest.mark.parametrize(("both", "damping"), [(False, 1.0), (False, 0.9), (True, 0.5), (True, 0.4)])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-8), (torch.float32, 1e-6)])
def test_a_long_inverse_chain_is_solved_for(both: bool, damping: float, dtype: torch.dtype, near: float) -> None:
    """Of 50,000 items, by scipy; the condition of links both ways is 10⁹ at a damping of 1/2."""
    n = 50_000
    xi = XIS["inverse_chain"](1, n, bi_directional=both, damping=damping).to(dtype)
    x = data(2, n).to(dtype).double()
    y = xi(x.to(dtype)).double()
    bands = np.ones((3, n)) * np.array([[-damping], [1.0], [-damping * both]])
    expected = scipy.linalg.solve_banded((1, 1), bands, x.numpy().T).T  # Aᵀ has the links below the diagonal
    if not both:
        bands[0], bands[2] = 0.0, -damping
        expected = scipy.linalg.solve_banded((1, 1), bands, x.numpy().T).T
    torch.testing.assert_close(y, torch.from_numpy(expected), rtol=0, atol=near * abs(expected).max())


@pytest.mark.parametrize("n", [1, 2, 5, 200])
def test_the_damping_of_a_chain_both_ways_is_bounded(n: int) -> None:
    radius = 2.0 * math.cos(math.pi / (n + 1))
    given = {"bi_directional": True}
    fine = min(1.0, 0.9999 / radius) if radius > 1e-9 else 1.0
    expected = torch.from_numpy(inverse(chain_matrix(n, True, 0.0), fine))
    torch.testing.assert_close(_matrix("inverse_chain", n, damping=fine, **given), expected, rtol=1e-8, atol=1e-8)
    if radius > 1.001:
        with pytest.raises(ValueError, match=rf"^damping must be < {1 / radius:.6g}, 1 over the spectral radius"):
            XIS["inverse_chain"](1, n, damping=1.0001 / radius, **given)
    with pytest.raises(ValueError, match=r"^damping must be < 1, 1 over the spectral radius of the links of 5 items"):
        XIS["inverse_chain"](1, 5, bi_directional=True, normalization=Row())


@pytest.mark.parametrize("both", [False, True])
def test_an_exponential_chain_is_a_band(both: bool) -> None:
    n = 3000
    xi = XIS["exponential_chain"](1, n, bi_directional=both)
    matrix = xi.double().calculate_A(data(1, n))
    assert matrix.layout == torch.sparse_csr
    assert matrix.values().numel() < (37 if both else 19) * n
    middle = torch.zeros(n, dtype=torch.float64)
    start, stop = matrix.crow_indices()[1500:1502]
    middle[matrix.col_indices()[start:stop]] = matrix.values()[start:stop]
    short = scipy.linalg.expm(chain_matrix(81, both, 0.0))[40]
    torch.testing.assert_close(middle[1460:1541], torch.from_numpy(short), rtol=1e-13, atol=2e-16)
    assert middle.sum() == pytest.approx(math.e**2 if both else math.e, rel=1e-14)


# nearest neighbours


def _blocks(monkeypatch: pytest.MonkeyPatch, rows: int, n: int) -> None:
    monkeypatch.setattr(neighbors, "_BLOCK", rows * n)


@pytest.mark.parametrize("rows", [1, 7, 50, 1000])
def test_neighbors_by_blocks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _blocks(monkeypatch, rows, 50)
    x = data(50, 3) + 1e5
    got = function("knn_graph", 50, 3, "instance", neighbors=4).calculate_A(x)
    assert torch.equal(dense(got), torch.from_numpy(kneighbors_graph(x.numpy(), 4).toarray()))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e150, 1e300])
def test_neighbors_of_huge_and_tiny_items(scale: float) -> None:
    x = data(12, 4)
    xi = function("knn_graph", 12, 4, "instance", neighbors=3)
    assert torch.equal(dense(xi.calculate_A(scale * x)), dense(xi.calculate_A(x)))


def test_far_items_have_neighbors_although_their_similarity_is_lost_in_rounding() -> None:
    """exp(-distance) is 0 for all of them."""
    x = 1e5 * data(12, 4)
    got = dense(function("knn_graph", 12, 4, "instance", neighbors=3).calculate_A(x.float()))
    assert torch.equal(got.double(), torch.from_numpy(kneighbors_graph(x.numpy(), 3).toarray()))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("mutual", [False, True])
def test_fewer_items_than_neighbors_are_all_related(n: int, mutual: bool) -> None:
    got = function("knn_graph", n, 2, "instance", neighbors=9, mutual=mutual).calculate_A(data(n, 2))
    assert torch.equal(dense(got), 1.0 - torch.eye(n, dtype=torch.float64))


def test_equal_items_have_as_many_neighbors_as_others() -> None:
    got = dense(function("knn_graph", 9, 2, "instance", neighbors=3).calculate_A(torch.ones(9, 2)))
    assert torch.equal(got.sum(dim=1), torch.full((9,), 3.0))
    assert got.diagonal().eq(0).all()


def test_neighbors_take_the_memory_of_items_and_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never that of a distance for each pair."""
    n = 4000
    largest = 0
    original = torch.addmm

    def watched(*args: Any, **options: Any) -> Tensor:
        nonlocal largest
        product = original(*args, **options)
        largest = max(largest, product.numel())
        return product

    _blocks(monkeypatch, 100, n)
    monkeypatch.setattr(torch, "addmm", watched)
    xi = XIS["knn_graph"](n, 3, "instance")
    assert xi.calculate_A(data(n, 3)).values().numel() == 5 * n
    assert largest == 100 * n


def test_a_similarity_may_be_an_object_a_configuration_or_a_hybrid() -> None:
    x = data(6, 8)
    given = [
        COSINE,
        XIS["cosine_similarity"](6, 8),
        {"function_class": "hybridfuse.interdependence.cosine_similarity.CosineSimilarity"},
    ]
    first, *others = (dense(XIS["knn_graph"](6, 8, neighbors=2, similarity=one).calculate_A(x)) for one in given)
    assert all(torch.equal(first, other) for other in others)
    hybrid = XIS["knn_graph"](6, 8, neighbors=2, similarity=function("hybrid", 6, 8))
    assert hybrid.require_parameters
    assert len(list(hybrid.leaves())) == 4
    assert dense(hybrid.calculate_A(x)).sum() == 16


def test_a_graph_of_neighbors_streams_if_its_similarity_does() -> None:
    x = data(60, 8)
    for similarity in (None, COSINE):
        xi = XIS["knn_graph"](6, 8, neighbors=2, similarity=similarity)
        expected = dense(xi.calculate_A(x))
        xi.fit_reference(x.split(7))
        assert list(xi.leaves()) == [xi]
        assert torch.equal(dense(xi.calculate_A(data(3, 8, seed=2))), expected)
        assert xi.state_dict()["reference.values"].numel() == 16
    whole = XIS["knn_graph"](6, 8, similarity={"_target_": "hybridfuse.interdependence.attention.Attention"})
    assert [leaf.name for leaf in whole.leaves()] == ["attention"]
    with pytest.raises(ValueError, match=r"^knn_graph has learnable parameters"):
        whole.fit_reference([x])
    for part in whole.parameters():
        part.requires_grad_(False)
    with pytest.raises(ValueError, match=r"^attention cannot be computed batch by batch, nor knn_graph of it"):
        whole.summary(x.T)


def test_neighbors_give_a_kernel_its_pattern() -> None:
    """By the product of the two, which has the kernel's gradient."""
    parts = [XIS["knn_graph"](9, 4, "instance", neighbors=2), XIS["gaussian_rbf"](9, 4, "instance")]
    hybrid = HybridInterdependence(9, 4, "instance", interdependence_functions=parts, fusion_function=Prod())
    x = data(9, 4).requires_grad_()
    matrix = hybrid.calculate_A(x)
    assert matrix.layout == torch.sparse_csr
    assert matrix.values().numel() == 18
    assert gradcheck(lambda x: dense(hybrid.calculate_A(x)), x)


# the sparse layout


def test_a_product_with_what_is_kept_has_all_derivatives() -> None:
    stored = Stored(graph.adjacency(torch.tensor([[0, 1], [2, 1], [3, 0]]), 4))
    z = data(4, 3).requires_grad_()
    torch.testing.assert_close(stored.product(z), dense(stored()).T @ z)
    assert gradcheck(stored.product, z)
    assert gradgradcheck(lambda z: stored.product(z).square(), z)


def test_a_transpose_that_is_kept_is_that_of_the_matrix_that_is_kept() -> None:
    stored, z = Stored(graph.adjacency(torch.tensor([[0, 1], [2, 1]]), 4)), data(4, 3)
    stored.product(z)
    with torch.no_grad():
        stored.values.mul_(3.0)
    torch.testing.assert_close(stored.product(z), dense(stored()).T @ z)
    other = Stored(graph.adjacency(torch.tensor([[3, 1], [0, 0]]), 4))
    stored.load_state_dict(other.state_dict())
    torch.testing.assert_close(stored.product(z), dense(other()).T @ z)


@pytest.mark.parametrize("given", [[], [(0, 0)], _ring(9, 30)])
def test_a_transpose_compressed_by_rows(given: list[tuple[int, int]]) -> None:
    pairs = torch.tensor(given).reshape(-1, 2).long()
    matrix = graph.adjacency(pairs, 9, weights=data(1, len(given))[0])
    got = csr.transposed(matrix)
    expected = dense(matrix).T.to_sparse_csr()
    assert torch.equal(dense(got), dense(expected))
    assert torch.equal(got.col_indices(), expected.col_indices())
    on_meta = csr.transposed(matrix.to("meta"))
    assert on_meta.shape == (9, 9)


def test_a_transpose_on_another_device_has_a_row_for_each_column() -> None:
    """Where torch sorts the columns itself; meta knows the shapes."""
    starts, _, _ = csr.by_column(sparse_matrix(4, 6).to("meta"))
    assert starts.shape == (7,)


def test_undirected_graphs_of_networkx_are_those_of_networkx() -> None:
    karate = nx.karate_club_graph()
    got = dense(XIS["graph"](1, 34, links=karate).double().calculate_A())
    assert torch.equal(got, torch.from_numpy(nx.to_numpy_array(karate)))
