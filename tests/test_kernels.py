"""Numeric kernels beyond what all functions have in common: every option, bandwidths, limits, containers, memory."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from catalogue import XIS, data, dense, finite, function
from families import kernels
from families.kernels import closeness, lean
from hybridfuse import targets
from hybridfuse.bandwidth import Bandwidth, Positive
from hybridfuse.functional import gram, kernel, scale
from hybridfuse.instantiate import instantiate
from hybridfuse.interdependence.base import TYPES, Interdependence
from hybridfuse.interdependence.kernel_mixture import KernelMixture
from hybridfuse.interdependence.view import View

CASES = [(stem, given) for stem, rows in kernels.ORACLES.items() for given, _ in rows if given]
OF_PRODUCTS = ["linear", "polynomial", "hyperbolic_tangent"]
RBF = kernels.RBF


def _x(n: int = 3, d: int = 5) -> Tensor:
    """With two equal items."""
    x = data(n, d)
    x[1] = x[0]
    return x


@pytest.mark.parametrize("stem", list(kernels.ORACLES))
def test_every_option_is_differentiable_twice(stem: str) -> None:
    """Towards the data, where items coincide, too, and towards parameters; the diagonal may be set."""
    for given in (case for name, case in CASES if name == stem and case.get("sigma") != "median"):
        shifted = {**given, "shift": 50.0} if given.get("degree", 1.0) < 0 else given
        xi = function(stem, 3, 5, "instance", **shifted).double()
        w = torch.cat([parameter.detach().reshape(-1) for parameter in xi.parameters()] or [torch.ones(0)]).double()

        def entries(x: Tensor, w: Tensor, xi: Interdependence = xi) -> Tensor:
            return dense(xi.calculate_A(x, w if len(w) else None)).triu(1)

        for x in (data(3, 5), *([_x()] if given.get("smoothness") != 0.5 else [])):
            inputs = (x.requires_grad_(), w.requires_grad_(len(w) > 0))
            assert gradcheck(entries, inputs, fast_mode=True), given
            assert stem == "view" or gradgradcheck(entries, inputs, fast_mode=True), given


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("stem", "given"),
    [
        ("gaussian_rbf", {"sigma": 2.0, "learnable": True}),
        ("gaussian_rbf", {"sigma": "median", "learnable": True}),
        ("exponential", {"gamma": 0.5, "learnable": True}),
        ("matern", {"smoothness": 2.5, "learnable": True}),
        ("anisotropic_rbf", {"weights": 0.25, "learnable": True}),
    ],
)
def test_what_is_learned_starts_where_it_is_told_and_stays_positive(
    stem: str, given: dict[str, Any], kind: str
) -> None:
    xi, x = function(stem, 6, 5, kind, **given).double(), data(6, 5)
    fixed = function(stem, 6, 5, kind, **{**given, "learnable": False})
    torch.testing.assert_close(xi.calculate_A(x), fixed.calculate_A(x), rtol=1e-6, atol=1e-7)
    optimizer = torch.optim.SGD(xi.parameters(), lr=50.0)
    for step in range(3):
        optimizer.zero_grad()
        xi.calculate_A(x).square().sum().backward()
        assert step or all(parameter.grad.ne(0).all() for parameter in xi.parameters())
        assert finite(*(parameter.grad for parameter in xi.parameters()))
        optimizer.step()
        assert finite(xi.calculate_A(x))
        assert 0 <= xi.calculate_A(x).min() <= xi.calculate_A(x).max() <= 1
    assert not fixed.require_parameters
    assert xi.calculate_l() == (xi.d if stem == "anisotropic_rbf" else 1)


def test_a_positive_vector_is_kept_as_logarithms() -> None:
    positive = Positive([0.5, 1.0, 8.0])
    torch.testing.assert_close(positive.logarithm.detach(), torch.tensor([0.5, 1.0, 8.0]).log())
    like = torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(positive(like), torch.tensor([0.5, 1.0, 8.0], dtype=torch.float64), rtol=1e-7, atol=0)
    torch.testing.assert_close(positive(like, 8.0), positive(like) / 8.0, rtol=1e-7, atol=0)


@pytest.mark.parametrize("n", range(1, 9))
def test_the_median_is_that_of_the_positive_distances_between_two_items(n: int) -> None:
    x = data(n, 3)
    x[-1] = x[0]
    distances = (x[:, None] - x[None]).norm(dim=2)
    positive = [distances[i, j].item() for i in range(n) for j in range(i) if distances[i, j] > 0]
    expected = float(np.median(positive)) if positive else 1.0
    for power in (1, 2):
        assert float(Bandwidth("median")(distances**power, power)) == pytest.approx(expected, rel=1e-12)
    xi = XIS["gaussian_rbf"](n, 3, "instance", sigma="median")
    torch.testing.assert_close(xi.calculate_A(x), torch.exp(-(distances**2) / (2 * expected**2)), rtol=1e-9, atol=1e-9)


def test_the_median_is_taken_as_given_by_the_gradient() -> None:
    x = data(5, 3)
    median = float(Bandwidth("median")((x[:, None] - x[None]).norm(dim=2)))
    gradients = []
    for sigma in ("median", median):
        y = x.clone().requires_grad_()
        XIS["gaussian_rbf"](5, 3, "instance", sigma=sigma).calculate_A(y)[0].sum().backward()
        gradients.append(y.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("stem", ["gaussian_rbf", "matern"])
def test_the_median_of_equal_items_is_no_number_to_divide_by(stem: str) -> None:
    x = torch.ones(4, 3, requires_grad=True)
    matrix = XIS[stem](4, 3, "instance", sigma="median", learnable=True).calculate_A(x)
    matrix.sum().backward()
    assert torch.equal(matrix, torch.ones(4, 4))
    assert torch.equal(x.grad, torch.zeros(4, 3))


@pytest.mark.parametrize("given", [{"sigma": "median"}, {"sigma": "median", "smoothness": 2.5}])
def test_the_median_of_reference_data_is_that_of_all_rows(given: dict[str, Any]) -> None:
    stem = "matern" if "smoothness" in given else "gaussian_rbf"
    x = data(40, 5)
    xi = XIS[stem](8, 5, **given)
    xi.fit_reference(x.split(7))
    expected = XIS[stem](40, 5, **given).calculate_A(x)
    torch.testing.assert_close(xi.calculate_A(x[:3]), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("stem", "given"),
    [
        *(("gaussian_rbf", {"sigma": s, "learnable": True}) for s in (1.0, 1e-30, 1e30, "median")),
        *(("matern", {"smoothness": nu, "sigma": s}) for nu in (0.5, 1.5, 2.5) for s in (1.0, 1e-30, 1e30, "median")),
        *(("matern", {"smoothness": nu, "sigma": "median", "learnable": True}) for nu in (0.5, 1.5, 2.5)),
        *(("exponential", {"gamma": gamma, "learnable": True}) for gamma in (1e-300, 1e-30, 1e30)),
        *(("anisotropic_rbf", {"weights": [a, 1.0, 0.0]}) for a in (1e-300, 1e-30, 1e30)),
        ("hyperbolic_tangent", {"scale": -1e-3, "shift": 2.0}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_bounded_kernels_of_extreme_items(stem: str, given: dict[str, Any], dtype: torch.dtype) -> None:
    largest = math.log10(torch.finfo(dtype).max) - 0.1
    for power in (-largest, -largest / 2, 0.0, largest / 2, largest - 1.0):
        for shape in (data(6, 3), torch.cat([data(3, 3), data(3, 3) * 10.0**-power])):
            x = (shape.tanh() * 10.0**power).to(dtype).requires_grad_()
            xi = function(stem, 6, 3, "instance", **given).to(dtype)
            matrix = xi.calculate_A(x)
            (matrix * data(6, 6, seed=3, dtype=dtype)).sum().backward()
            assert finite(matrix, x.grad, *(parameter.grad for parameter in xi.parameters()))
            assert matrix.abs().max() <= 1
            if stem != "hyperbolic_tangent":
                assert torch.equal(matrix.diagonal(), torch.ones(6, dtype=dtype))


@pytest.mark.parametrize("given", [{"degree": 1.0}, {"degree": 2.0, "shift": 1.0}, {"degree": 7.0}, {"degree": 0.5}])
@pytest.mark.parametrize("stem", ["linear", "polynomial"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_unbounded_kernels_of_extreme_items(stem: str, given: dict[str, Any], dtype: torch.dtype) -> None:
    """At most the largest finite number, with its sign."""
    largest = math.log10(torch.finfo(dtype).max) - 0.1
    signed = data(6, 3).abs() if given["degree"] == 0.5 else data(6, 3)
    for power in (-largest, -largest / 2, 0.0, largest / 2, largest - 1.0):
        for shape in (signed, torch.cat([signed[:3], signed[3:] * 10.0**-power]), torch.ones(6, 3)):
            x = (shape.tanh() * 10.0**power).to(dtype).requires_grad_()
            matrix = function(stem, 6, 3, "instance", **(given if stem == "polynomial" else {})).calculate_A(x)
            matrix.mean().backward()
            assert finite(matrix, x.grad)
            assert matrix.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inner_products_are_exact_up_to_the_largest_number(dtype: torch.dtype) -> None:
    """Beside items of any other magnitude; with its sign beyond."""
    top = torch.finfo(dtype).max
    values = torch.tensor([0.0, 1.0, top, -top, top**0.5, 1.0 / top**0.5, torch.finfo(dtype).tiny], dtype=dtype)
    got = gram.inner_products(values[:, None])
    expected = (
        (values[:, None].double() / 2.0**500) @ (values[None].double() / 2.0**500)
        if dtype == torch.float64
        else (values[:, None].double() @ values[None].double())
    )
    if dtype == torch.float64:
        expected = values[:, None] * values[None]
    torch.testing.assert_close(got, expected.clamp(-top, top).to(dtype), rtol=1e-6, atol=0)
    assert got[2, 2] == got[3, 3] == -got[2, 3] == top
    assert finite(gram.inner_products(torch.tensor([[top, top], [top, -top]], dtype=dtype)))


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e-150])
def test_slopes_of_roots_and_reciprocals_are_finite(scale: float) -> None:
    """(P + c)^½ at 0 and P^-1 near it have slopes beyond any number; there they are 0."""
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64).mul(scale).requires_grad_()
    matrix = XIS["polynomial"](3, 2, "instance", degree=0.5).calculate_A(x)
    matrix.sum().backward()
    torch.testing.assert_close(matrix, torch.diag(torch.tensor([0.0, scale, scale], dtype=torch.float64)))
    assert finite(x.grad)
    x = torch.full((3, 2), scale, dtype=torch.float64, requires_grad=True)
    matrix = XIS["polynomial"](3, 2, "instance", degree=-1.0).calculate_A(x)
    matrix.sum().backward()
    assert finite(matrix, x.grad)
    torch.testing.assert_close(matrix, torch.full((3, 3), 0.5 / scale**2, dtype=torch.float64))
    assert x.grad.ne(0).all() == (scale > 1e-100)
    x = torch.full((3, 2), 1e-155, dtype=torch.float64)
    assert XIS["polynomial"](3, 2, "instance", degree=-1.5).calculate_A(x).max() == torch.finfo(torch.float64).max


def test_powers_at_the_end_of_the_range_have_slope_zero() -> None:
    x = torch.tensor([[1e15], [-1e15]], requires_grad=True)
    matrix = XIS["polynomial"](2, 1, "instance", degree=3.0).calculate_A(x)
    matrix.sum().backward()
    assert matrix[0, 0] > 1e38
    assert matrix[0, 1] == -matrix[0, 0]
    assert torch.equal(x.grad, torch.zeros(2, 1))


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_matern_where_items_coincide(nu: float) -> None:
    """No gradient; the second derivative, of smooth ones, is that of a parabola, −2 / σ² times 3/2 or 5/6."""
    x = torch.zeros(2, 1, dtype=torch.float64, requires_grad=True)
    entry = XIS["matern"](2, 1, "instance", sigma=2.0, smoothness=nu).calculate_A(x)[0, 1]
    (gradient,) = torch.autograd.grad(entry, x, create_graph=nu > 0.5)
    assert torch.equal(gradient, torch.zeros(2, 1, dtype=torch.float64))
    if nu > 0.5:
        (second,) = torch.autograd.grad(gradient[0, 0], x)
        curvature = {1.5: -3.0, 2.5: -5.0 / 3.0}[nu] / 4.0
        torch.testing.assert_close(second, torch.tensor([[curvature], [-curvature]], dtype=torch.float64))


@pytest.mark.parametrize(
    "weights", [(0.5, 0.0, 2.0), [0.5, 0.0, 2.0], np.array([0.5, 0, 2]), torch.tensor([0.5, 0, 2])]
)
def test_weights_of_features_in_any_form(weights: Any) -> None:
    x = data(5, 3)
    expected = torch.exp(-((x[:, None] - x[None]) ** 2 * torch.tensor([0.5, 0.0, 2.0])).sum(dim=2))
    xi = XIS["anisotropic_rbf"](5, 3, "instance", weights=weights)
    torch.testing.assert_close(xi.calculate_A(x), expected)
    x[:, 1] = 1e3 * data(5, 1)[:, 0]
    torch.testing.assert_close(xi.calculate_A(x), expected)
    on_attributes = XIS["anisotropic_rbf"](3, 5, weights=weights)
    torch.testing.assert_close(on_attributes.calculate_A(x.T), expected)
    with pytest.raises(
        ValueError, match="anisotropic_rbf on the attribute axis has parameters for 3 rows a batch, got 2"
    ):
        on_attributes(x.T[:2])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("b", "m"), [(3, 40), (40, 3)])
def test_a_linear_product_without_its_matrix(b: int, m: int, kind: str) -> None:
    """Where there are more items than features, unless the matrix is of reference data; in any dtype."""
    xi, x = XIS["linear"](b, m, kind), data(b, m)
    kappa = data(b, 7, seed=1) if kind == "instance" else data(7, m, seed=1)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.02)):
        x, kappa = x.to(dtype), kappa.to(dtype)
        got = xi(x, kappa)
        expected = xi._oriented(Interdependence.transform(xi, xi.items_of(x), xi._oriented(kappa)))
        assert got.dtype == dtype
        torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    if kind == "attribute":
        reference = data(50, m, seed=5)
        xi.fit_reference([reference])
        torch.testing.assert_close(xi(x.double(), kappa.double()), kappa.double() @ (reference.T @ reference))


def test_a_linear_product_of_many_items_has_no_matrix() -> None:
    xi, x = XIS["linear"](3000, 4, "instance"), data(3000, 4, dtype=torch.float32)
    assert _peak(lambda: xi(x)) < 3000 * 40


@pytest.mark.parametrize("kind", TYPES)
def test_a_mixture_takes_names_configurations_and_objects(kind: str) -> None:
    own, x = XIS["bilinear"](6, 5, kind).double(), data(6, 5)
    weights = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)
    mixture = KernelMixture(6, 5, kind, kernels=["linear", {"_target_": RBF, "sigma": 3.0}, own], weights=weights)
    parts = [XIS["linear"](6, 5, kind), XIS["gaussian_rbf"](6, 5, kind, sigma=3.0), own]
    expected = sum(weight * part.calculate_A(x) for weight, part in zip(weights, parts, strict=True))
    torch.testing.assert_close(mixture.calculate_A(x), expected)
    assert own in mixture.modules()
    assert mixture.calculate_l() == own.calculate_l()
    assert [leaf.name for leaf in mixture.leaves()] == ["linear", "gaussian_rbf", "bilinear"]
    assert all((leaf.b, leaf.m, leaf.interdependence_type) == (6, 5, kind) for leaf in mixture.leaves())


def test_a_mixture_of_structures_is_sparse_and_needs_no_data() -> None:
    mixture = KernelMixture(6, 5, kernels=["chain", "identity"], weights=[1.0, -0.5])
    assert mixture.calculate_A().layout == torch.sparse_csr
    expected = dense(XIS["chain"](6, 5).calculate_A()) - 0.5 * torch.eye(5)
    torch.testing.assert_close(dense(mixture.calculate_A()), expected)
    assert not mixture.require_data
    assert KernelMixture(6, 5, kernels=["chain", "linear"]).require_data


def test_the_functions_of_a_mixture_stream() -> None:
    mixture, x = KernelMixture(8, 5, kernels=["linear", "cosine_similarity"]), data(40, 5)
    for part in mixture.leaves():
        part.fit_reference(x.split(7))
    expected = KernelMixture(40, 5, kernels=["linear", "cosine_similarity"]).calculate_A(x)
    torch.testing.assert_close(mixture.calculate_A(x[:2]), expected, rtol=1e-6, atol=1e-9)


def test_a_configuration_of_a_mixture_is_left_as_it_is() -> None:
    config = {
        "_target_": f"{KernelMixture.__module__}.KernelMixture",
        "kernels": ["linear", {"_target_": RBF, "sigma": 2}],
    }
    before = copy.deepcopy(config)
    built = instantiate(config, {"b": 6, "m": 5, "interdependence_type": "instance"})
    assert config == before
    assert [part.n for part in built.functions] == [6, 6]
    nested = KernelMixture(6, 5, "instance", kernels=[config, "linear"])
    x = data(6, 5)
    torch.testing.assert_close(nested.calculate_A(x), 0.5 * built.calculate_A(x) + 0.5 * x @ x.T)


@pytest.mark.parametrize("kind", TYPES)
def test_a_view_sees_its_features_alone(kind: str) -> None:
    x, unseen = data(6, 6), data(6, 6, seed=1)
    view = View(
        6, 6, kind, features=[5, [0, 2]], function=XIS["gaussian_rbf"](*(3, 6) if kind == "attribute" else (6, 3), kind)
    )
    seen = [5, 0, 1]
    if kind == "attribute":
        unseen[seen] = x[seen]
    else:
        unseen[:, seen] = x[:, seen]
    torch.testing.assert_close(view.calculate_A(x), view.calculate_A(unseen), rtol=0, atol=0)
    part = x[seen].T if kind == "attribute" else x[:, seen]
    torch.testing.assert_close(view.calculate_A(x), torch.exp(-(torch.cdist(part, part) ** 2) / 2.0))
    y = x.clone().requires_grad_()
    view.calculate_A(y).square().sum().backward()
    rows = y.grad if kind == "attribute" else y.grad.T
    assert [bool(row.ne(0).any()) for row in rows] == [index in seen for index in range(6)]


def test_a_view_of_all_features_takes_a_batch_of_any_size() -> None:
    for rows in (2, 6, 9):
        x = data(rows, 4)
        torch.testing.assert_close(View(6, 4, function="linear").calculate_A(x), x.T @ x)


def test_a_view_by_a_function_with_parameters_has_its_sizes() -> None:
    view = View(6, 8, "instance", features=[[2, 5]], function="bilinear")
    assert view.calculate_l() == 9
    assert [leaf is view for leaf in view.leaves()] == [True]
    of_rows = View(6, 8, "instance", features=[[2, 5]], function="parameterized")
    assert not of_rows.require_data
    with pytest.raises(ValueError, match="parameterized on the instance axis has parameters for 6 rows a batch, got 5"):
        of_rows(data(5, 8))


@pytest.mark.parametrize("symmetric", [False, True])
def test_pairs_are_taken_in_blocks(symmetric: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever size, and each pair once where the order does not matter."""
    x, pull = data(7, 3), data(7, 7, seed=1)
    chosen = closeness if symmetric else lean
    results = []
    for block in (1, 2 * 7 * 3, 5 * 7 * 3, 1 << 22):
        monkeypatch.setattr(kernel, "_BLOCK", block)
        y = x.clone().requires_grad_()
        matrix = XIS["kernel"](7, 3, "instance", function=chosen, symmetric=symmetric).calculate_A(y)
        (matrix * pull).sum().backward()
        results.append((matrix.detach(), y.grad))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-12, atol=1e-14)
    expected = torch.tensor([[chosen(a, b) for b in x] for a in x], dtype=x.dtype)
    torch.testing.assert_close(results[0][0], expected, rtol=1e-12, atol=1e-14)


def test_a_symmetric_function_is_applied_to_half_of_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Count(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if func is torch.ops.aten.exp.default:
                seen.append(result.numel())
            return result

    monkeypatch.setattr(kernel, "_BLOCK", 1)
    for symmetric in (False, True):
        with Count():
            XIS["kernel"](20, 3, "instance", function=closeness, symmetric=symmetric).calculate_A(data(20, 3))
    assert sum(seen[:20]) == 400
    assert sum(seen[20:]) == 210


def test_memory_of_pairs_is_that_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_BLOCK", 1 << 14)
    x = data(200, 50, dtype=torch.float32).requires_grad_()
    xi = XIS["kernel"](200, 50, "instance", function=closeness)
    assert _peak(lambda: xi.calculate_A(x).sum().backward()) < 12 * 200 * 200


def test_a_function_of_the_users_own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "_target_": "hybridfuse.interdependence.kernel.Kernel",
        "function": {"_target_": "families.kernels.closeness", "_partial_": True},
    }
    sizes = {"b": 6, "m": 5, "interdependence_type": "instance"}
    with pytest.raises(ValueError, match="_target_ must lie in hybridfuse's parts"):
        instantiate(config, sizes)
    monkeypatch.setattr(targets, "_added", ["families"])
    built = instantiate(config, sizes)
    x = data(6, 5)
    expected = XIS["kernel"](6, 5, "instance", function=closeness).calculate_A(x)
    torch.testing.assert_close(built.calculate_A(x), expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(built)).calculate_A(x), expected)


def test_a_function_may_be_a_module_with_parameters() -> None:
    class Weighted(torch.nn.Linear):
        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return super().forward(first * second).squeeze(0)

    xi, x = XIS["kernel"](6, 5, "instance", function=Weighted(5, 1)), data(6, 5, dtype=torch.float32)
    assert xi.calculate_l() == 6
    weight, bias = (parameter.detach() for parameter in xi.parameters())
    torch.testing.assert_close(xi.calculate_A(x).detach(), (x * weight) @ x.T + bias)
    xi.calculate_A(x).sum().backward()
    assert all(parameter.grad.ne(0).all() for parameter in xi.parameters())


class _Peak(TorchDispatchMode):
    """The most numbers that tensors made inside hold at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[int, tuple[Any, int]] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                self.alive[storage._cdata] = (
                    torch.multiprocessing.reductions.StorageWeakRef(storage),
                    storage.nbytes(),
                )
        self.alive = {key: entry for key, entry in self.alive.items() if not entry[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.alive.values()))
        return result


def _peak(call: Any) -> float:
    """In float32 numbers."""
    with _Peak() as peak:
        call()
    return peak.most / 4


@pytest.mark.parametrize(
    ("stem", "given"),
    [
        ("linear", {}),
        ("polynomial", {"degree": 3.0, "shift": 1.0}),
        ("hyperbolic_tangent", {"shift": 1.0}),
        ("cosine_similarity", {}),
        ("exponential", {"learnable": True}),
        ("gaussian_rbf", {"sigma": "median"}),
        ("anisotropic_rbf", {"weights": 0.5, "learnable": True}),
        ("matern", {"smoothness": 2.5, "sigma": "median", "learnable": True}),
    ],
)
def test_memory_is_at_most_four_times_that_of_the_items_and_the_matrix(stem: str, given: dict[str, Any]) -> None:
    for n, d in ((300, 20), (40, 800)):
        xi, x = function(stem, n, d, "instance", **given), data(n, d, dtype=torch.float32)
        with torch.no_grad():
            assert _peak(lambda xi=xi, x=x: xi.calculate_A(x)) <= 4 * (n * n + n * d)


@pytest.mark.parametrize("panel", [1, 2, 3, 7, 8, 256])
def test_inner_products_by_panels(panel: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of them computed, the other half the same to the last digit."""
    monkeypatch.setattr(gram, "_PANEL", panel)
    x = data(7, 3)
    for items in (x, data(3, 7).T):
        got = gram.inner_products(items)
        torch.testing.assert_close(got, items @ items.T, rtol=1e-12, atol=1e-14)
        assert torch.equal(got, got.T)


@pytest.mark.parametrize("panel", [3, 256])
@pytest.mark.parametrize("products", [gram.inner_products, gram.cosines])
def test_products_are_symmetric_where_those_of_torch_are_not(
    products: Callable[[Tensor], Tensor], panel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are by some libraries: here a later row has a little less."""
    monkeypatch.setattr(gram, "_PANEL", panel)
    plain, x = torch.mm, scale.unit(data(7, 3))

    def uneven(*given: Tensor, **into: Any) -> Tensor:
        return plain(*given, **into).mul_(1.0 - 1e-9 * torch.arange(len(given[0]), dtype=x.dtype)[:, None])

    monkeypatch.setattr(torch, "mm", uneven)
    got = products(x)
    assert torch.equal(got, got.T)
    torch.testing.assert_close(got, x @ x.T, rtol=1e-7, atol=1e-9)


def test_many_features_of_huge_items_do_not_overflow_on_the_way() -> None:
    top = torch.finfo(torch.float32).max
    x = torch.stack([torch.cat([torch.ones(40), -torch.ones(39)]), torch.full((79,), 0.9 * top)])
    assert gram.inner_products(x)[0, 1].item() == pytest.approx(0.9 * top, rel=1e-5)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("extreme", [False, True])
def test_inner_products_under_transforms(extreme: bool) -> None:
    """Forward and backward derivatives, of a batch of sets of items, too; also where a product would overflow."""
    scales = torch.tensor([1.0, 1e160 if extreme else 1.0, 1.0], dtype=torch.float64)
    batch = data(2, 15).view(2, 3, 5) * scales[:, None]
    torch.testing.assert_close(
        torch.vmap(gram.inner_products, 1)(batch.movedim(0, 1)),
        torch.stack([gram.inner_products(items) for items in batch]),
    )
    if not extreme:
        items = batch[0]
        one = torch.eye(3, dtype=items.dtype)
        expected = torch.einsum("ia,jk->ijak", one, items) + torch.einsum("ja,ik->ijak", one, items)
        for jacobian in (torch.func.jacfwd, torch.func.jacrev):
            torch.testing.assert_close(jacobian(gram.inner_products)(items), expected)


def test_one_item_that_overflows_costs_the_others_nothing() -> None:
    for dtype in (torch.float32, torch.float64):
        top = torch.finfo(dtype).max
        items = torch.cat([data(300, 4, dtype=dtype), torch.full((1, 4), 0.9 * top, dtype=dtype)])
        got = gram.inner_products(items)
        torch.testing.assert_close(got[:300, :300], items[:300] @ items[:300].T)
        assert got[300, 300] == top
        assert finite(got)
        assert torch.equal(got, got.T)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_decays_far_and_near(dtype: torch.dtype) -> None:
    """To the smallest number of the dtype and beyond, where they are 0."""
    exponents = torch.tensor([0.0, 1e-30, 0.3, 5.0, 80.0, 87.0, 100.0, 700.0, 1e4, 1e30, torch.finfo(dtype).max])
    got = kernel.exponential(exponents.to(dtype).diag(), 1.0).diagonal().double()
    expected = torch.from_numpy(np.exp(-exponents.double().numpy()))
    torch.testing.assert_close(got, expected, rtol=2e-5 if dtype == torch.float32 else 1e-12, atol=1e-43)
    assert got[0] == 1
    assert got[-2:].eq(0).all()
