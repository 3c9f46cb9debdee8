"""At the links of a sparse matrix, a kernel gives the entries of its matrix, and their derivatives, without it."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from catalogue import FUNCTIONS, XIS, Largest, data, dense, finite, function, hybrid_of
from hybridfuse.functional import layout
from hybridfuse.interdependence.base import TYPES, Interdependence
from hybridfuse.interdependence.pairwise_base import PairwiseBase

N, D = 12, 5
OWN = [*(stem for stem, cls in XIS.items() if issubclass(cls, PairwiseBase)), "kernel", "spearman_correlation"]
"""Functions that see linked items alone."""
SMOOTH = [stem for stem in OWN if XIS[stem].differentiable]
VARIANTS = [
    ("exponential", {"gamma": 0.3, "learnable": True}),
    ("gaussian_rbf", {"sigma": 2.0, "learnable": True}),
    ("gaussian_rbf", {"sigma": "median"}),
    ("laplacian", {"sigma": 3.0, "learnable": True}),
    ("laplacian", {"sigma": "median", "learnable": True}),
    ("matern", {"smoothness": 0.5}),
    ("matern", {"smoothness": 2.5, "sigma": 1.7, "learnable": True}),
    ("matern", {"sigma": "median"}),
    ("anisotropic_rbf", {"weights": [0.5, 2.0, 1.0, 0.1, 0.3], "learnable": True}),
    ("anisotropic_rbf", {"weights": [0.5, 0.0, 1.0, 0.1, 0.3]}),
    ("polynomial", {"degree": 3.0, "shift": 0.5}),
    ("hyperbolic_tangent", {"scale": 0.3, "shift": -0.2}),
    *(("minkowski_distance", {"order": order}) for order in (0.5, 1.0, 1.5, 2.0, float("inf"))),
]


@pytest.fixture(autouse=True)
def _at_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many links there are, in blocks of a few."""
    monkeypatch.setattr("hybridfuse.functional.pairs._DEARER", 0)
    monkeypatch.setattr("hybridfuse.functional.linked._BLOCK", 7 * D)


def _pattern(n: int, p: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """A third of the pairs, most of the diagonal among them, one row and one column empty."""
    kept = torch.rand(n, p, generator=torch.Generator().manual_seed(3)) < 0.3
    kept.diagonal()[1:] = True
    kept[2], kept[:, 4 % p] = False, False
    return (data(n, p, seed=5) * kept).to(dtype).to_sparse_csr()


def _stored(matrix: Tensor, pattern: Tensor) -> Tensor:
    """What the matrix holds where the pattern has entries, without knowledge of the library's own."""
    return dense(matrix)[pattern.to_dense() != 0]


def _derivatives(values: Tensor, towards: list[Tensor]) -> list[Tensor]:
    """First ones, and those of a function of these."""
    if not values.requires_grad:
        return []
    options = {"create_graph": True, "materialize_grads": True, "allow_unused": True}
    weights = data(1, len(values), seed=9)[0].to(values)
    first = torch.autograd.grad((values * weights).sum(), towards, **options)
    total = torch.stack([grad.pow(2).sum() for grad in first]).sum()
    second = torch.autograd.grad(total, towards, **options) if total.requires_grad else ()
    return [*first, *second]


def _check(xi: Interdependence, x: Tensor, pattern: Tensor, tolerance: float = 1e-10) -> None:
    towards = [x, *xi.parameters()]
    got, expected = xi.entries(xi.items_of(x), pattern), _stored(xi.calculate_A(x), pattern)
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)
    for one, other in zip(_derivatives(got, towards), _derivatives(expected, towards), strict=True):
        scale = max(1.0, float(other.detach().abs().max()))
        torch.testing.assert_close(one / scale, other / scale, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_entries_are_those_of_the_matrix(stem: str) -> None:
    for kind in TYPES:
        b, m = (N, D) if kind == "instance" else (D, N)
        if "grid" in stem:
            b = m = 8
        xi = function(stem, b, m, kind).double()
        _check(xi, data(b, m).requires_grad_(), _pattern(xi.n, xi.p))


@pytest.mark.parametrize(("stem", "options"), VARIANTS)
def test_entries_with_options(stem: str, options: dict[str, object]) -> None:
    _check(function(stem, N, D, "instance", **options).double(), data(N, D).requires_grad_(), _pattern(N, N))


@pytest.mark.parametrize("stem", SMOOTH)
def test_entries_of_items_far_from_zero(stem: str) -> None:
    """Differences are of items, not of their squares."""
    if stem in ("linear", "polynomial", "kernel"):
        return
    _check(function(stem, N, D, "instance").double(), (data(N, D) + 1e3).requires_grad_(), _pattern(N, N), 1e-9)


def _extremes() -> Iterator[tuple[str, Tensor]]:
    plain = data(N, D, dtype=torch.float32)
    yield "zero", plain * 0.0
    yield "a zero item", plain * (torch.arange(N) != 5)[:, None]
    yield "constant", plain * 0.0 + 3.0
    yield "duplicate", plain[torch.arange(N) // 3]
    yield "constant items", plain[:, :1].expand(N, D)
    yield "huge", plain * 1e30
    yield "huge and small", plain * torch.logspace(-30, 37, N)[:, None]
    yield "largest", plain.sign() * torch.finfo(torch.float32).max
    yield "tiny", plain * 1e-36
    yield "close", 1.0 + plain * 1e-7


@pytest.mark.parametrize("stem", [stem for stem in SMOOTH if stem != "kernel"])
def test_extreme_items(stem: str) -> None:
    """Values and gradients are finite, and those of the matrix."""
    xi, pattern = function(stem, N, D, "instance"), _pattern(N, N, torch.float32)
    for name, x in _extremes():
        x = x.clone().requires_grad_()
        found: list[Tensor] = []
        for values in (xi.entries(x, pattern), _stored(xi.calculate_A(x), pattern)):
            found += [values.detach(), *torch.autograd.grad(values.sum(), x)]
        assert finite(*found), name
        torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5, msg=lambda text, name=name: name + text)


def test_inner_products_beyond_the_largest_number() -> None:
    """Have the sign of the product, whatever sums on the way to it are."""
    largest = torch.finfo(torch.float32).max
    for d in (3, 5):  # an odd power of two and an even one
        xi, x = function("linear", N, d, "instance"), data(N, d, dtype=torch.float32)
        x = torch.cat([x[:6].sign() * largest, x[6:] / 1e37])
        expected = (x.double() @ x.double().T).clamp(-largest, largest).float()
        torch.testing.assert_close(xi.calculate_A(x), expected, rtol=1e-4, atol=1e-30)
        pattern = _pattern(N, N)
        torch.testing.assert_close(xi.entries(x, pattern), _stored(expected, pattern), rtol=1e-4, atol=1e-30)


@pytest.mark.parametrize("stem", SMOOTH)
def test_gradients_of_items_that_coincide(stem: str) -> None:
    xi, x = function(stem, N, D, "instance").double(), data(N, D)[torch.arange(N) // 3].requires_grad_()
    pattern = _pattern(N, N)
    (got,) = torch.autograd.grad(xi.entries(x, pattern).square().sum(), x)
    (expected,) = torch.autograd.grad(_stored(xi.calculate_A(x), pattern).square().sum(), x)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("stem", OWN)
def test_precision_and_shape(stem: str) -> None:
    xi = function(stem, N, D, "instance")
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        x, pattern = data(N, D, dtype=dtype), _pattern(N, N)
        got = xi.entries(x, pattern)
        assert got.dtype == dtype
        torch.testing.assert_close(got, _stored(xi.calculate_A(x), pattern), rtol=1e-2, atol=1e-2)
    nothing = torch.zeros(N, N).to_sparse_csr()
    assert xi.entries(data(N, D), nothing).shape == (0,)


def test_a_symmetric_function_of_the_user() -> None:
    """Is seen as the matrix has it: of the earlier item and the later one."""

    def crooked(first: Tensor, second: Tensor) -> Tensor:
        return (first * second.cos()).sum()

    for symmetric in (False, True):
        xi = function("kernel", N, D, "instance", function=crooked, symmetric=symmetric)
        _check(xi, data(N, D).requires_grad_(), _pattern(N, N))
    xi = function("kernel", N, D, "instance", function=lambda first, second: first)
    with pytest.raises(ValueError, match=r"^function must give one number for two items, got \(5,\)\.$"):
        xi.entries(data(N, D), _pattern(N, N))


def test_reference_data_at_links() -> None:
    xi = function("gaussian_rbf", D, N)
    xi.fit_reference([data(9, N, seed=1)])  # pyright: ignore[reportAttributeAccessIssue]
    pattern = _pattern(N, N)
    got = xi.entries(data(D, N).T, pattern)
    assert torch.equal(got, _stored(xi.calculate_A(data(D, N)), pattern))
    rows = data(9, N, seed=1).T
    expected = torch.exp(-((rows[:, None] - rows[None]) ** 2).sum(dim=2) / 2.0)
    torch.testing.assert_close(got, _stored(expected, pattern), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [*OWN, "hybrid"])
def test_no_matrix_is_made_for_few_links(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    n = 700
    parts = ["chain", stem] if stem != "hybrid" else ["chain", "gaussian_rbf", "linear", "pearson_correlation"]
    hybrid = hybrid_of(parts, "prod", n, 8, "instance").double()
    x = data(n, 8).requires_grad_()
    with Largest() as largest:
        result = hybrid(x)
        (grad,) = torch.autograd.grad(result.square().sum(), x)
        assert layout.is_sparse(hybrid.calculate_A(x))
    assert largest.numbers <= n * n // 8
    assert finite(grad)


def test_many_links_are_taken_from_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    xi, x = function("linear", N, D, "instance"), data(N, D)
    with Largest() as largest:
        xi.entries(x, torch.ones(N, N).to_sparse_csr())
    assert largest.numbers == N * N
