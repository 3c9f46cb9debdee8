"""Gradients equal finite differences, and every parameter gets one."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from catalogue import (
    DIFFERENTIABLE,
    FUNCTIONS,
    FUSIONS,
    POSTPROCESSES,
    RECONCILIATIONS,
    XIS,
    data,
    dense,
    function,
    fusion_of,
    hybrid_of,
    inputs_of,
    sparse_matrix,
)
from families import listed
from families.fusions import SQUARE
from hybridfuse.functional import csr
from hybridfuse.interdependence.base import TYPES

B, M = 4, 3
OF_DATA = [*DIFFERENTIABLE, "hybrid"]


def _parameters(module: torch.nn.Module) -> tuple[list[str], list[Tensor]]:
    named = dict(module.named_parameters())
    return list(named), [parameter.detach().clone().requires_grad_() for parameter in named.values()]


def _duplicates(b: int = 5, d: int = 3) -> Tensor:
    x = data(b, d)
    x[1], x[4] = x[0], x[2]
    return x.requires_grad_()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", OF_DATA)
def test_data(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind).double()
    assert gradcheck(lambda x: dense(xi.calculate_A(x)), data(B, M).requires_grad_())
    assert gradcheck(xi, data(B, M).requires_grad_())


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_parameters_and_transformed_data(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    names, values = _parameters(xi)
    kappa_x = (data(2, M, seed=1) if kind == "attribute" else data(B, 2, seed=1)).requires_grad_()

    def output(kappa_x: Tensor, *given: Tensor) -> Tensor:
        return functional_call(xi, dict(zip(names, given, strict=True)), (x, kappa_x))

    assert gradcheck(output, (kappa_x, *values))


@pytest.mark.parametrize("stem", OF_DATA)
def test_second_derivatives(stem: str) -> None:
    xi = function(stem, B, M, "instance").double()
    assert gradgradcheck(lambda x: xi.calculate_A(x), data(B, M).requires_grad_())


@pytest.mark.parametrize("stem", [stem for stem in DIFFERENTIABLE if stem not in listed("KINKED")])
def test_equal_items(stem: str) -> None:
    """Everywhere smooth, where items coincide, too; only a distance itself has a kink."""
    xi = function(stem, 5, 3, "instance").double()

    def entries(x: Tensor) -> Tensor:
        """What is defined by its limit, the diagonal, is left out."""
        return xi.calculate_A(x).triu(1)

    assert gradcheck(entries, _duplicates())
    if stem != "cosine_similarity":
        assert gradgradcheck(entries, _duplicates())


def test_equal_items_have_no_pull_on_each_other() -> None:
    """exp(-‖x_i − x_j‖) has a kink at 0; the gradient there is 0 and leaves those to other items right."""
    x = _duplicates()
    xi = function("euclidean_distance", 5, 3, "instance")
    (alone,) = torch.autograd.grad(xi.calculate_A(x)[0, 1], x)
    assert alone.eq(0).all()
    (gradient,) = torch.autograd.grad(xi.calculate_A(x).sum(), x)
    expected = torch.zeros_like(x)
    with torch.no_grad():
        for i in range(5):
            for j in range(5):
                distance = (x[i] - x[j]).norm()
                if distance > 0:
                    expected[i] -= 2.0 * torch.exp(-distance) * (x[i] - x[j]) / distance
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", ["euclidean_distance", "gaussian_rbf"])
def test_items_far_from_zero_have_precise_gradients(stem: str) -> None:
    """Within the rounding of the items, of which there are many."""
    x = (data(300, 2) + 1e6).requires_grad_()
    (gradient,) = torch.autograd.grad(function(stem, 300, 2, "instance").calculate_A(x).sum(), x)
    apart = x.detach()[:, None] - x.detach()[None]
    distances = apart.norm(dim=2, keepdim=True)
    slopes = (-distances).exp() / distances if stem == "euclidean_distance" else (-(distances**2) / 2).exp()
    expected = -2.0 * (slopes.nan_to_num(posinf=0.0) * apart).sum(dim=1)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e9, 1e30])
@pytest.mark.parametrize("stem", ["euclidean_distance", "gaussian_rbf"])
def test_many_equal_items_far_from_others_have_no_gradient(stem: str, scale: float) -> None:
    """In exact zeros: rounding of what is far away must not be taken for a pull."""
    x = (100.0 * scale * data(8, 3)).float().repeat(7, 1).requires_grad_()
    matrix = function(stem, 56, 3, "instance").calculate_A(x)
    (gradient,) = torch.autograd.grad((matrix * data(56, 56, seed=1).float()).sum(), x)
    assert gradient.abs().max() <= 1e-25


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("stem", ["euclidean_distance", "gaussian_rbf"])
def test_near_items_among_far_ones_have_precise_gradients(stem: str, scale: float) -> None:
    """Three near ones of each of twenty, in float32, where one feature alone tells them apart."""
    x = torch.cat([(scale * data(20, 3)).repeat(3, 1), data(60, 1, seed=2)], dim=1).float()
    weight, gradients = data(60, 60, seed=3), []
    for dtype in (torch.float32, torch.float64):
        items = x.to(dtype).requires_grad_()
        matrix = function(stem, 60, 4, "instance").calculate_A(items)
        gradients += torch.autograd.grad((matrix * weight.to(dtype)).sum(), items)
    torch.testing.assert_close(gradients[0].double(), gradients[1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_every_parameter_gets_a_gradient(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind)
    x = data(B, M, dtype=torch.float32)
    loss = (xi(x) * data(*xi(x).shape, seed=2, dtype=torch.float32)).sum()
    assert loss.requires_grad == xi.require_parameters == (xi.calculate_l() > 0)
    if xi.require_parameters:
        loss.backward()
    for name, parameter in xi.named_parameters():
        assert parameter.grad.ne(0).all(), name


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_parameter_of_a_hybrid_gets_a_gradient(fusion: str) -> None:
    parts = ["parameterized", "bilinear", "parameterized_lowrank", "bilinear_lowrank"]
    hybrid = hybrid_of(parts, fusion, 9, 8)
    hybrid(data(9, 8, dtype=torch.float32)).square().sum().backward()
    for name, parameter in hybrid.named_parameters():
        assert parameter.grad.ne(0).any(), name


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("stem", FUSIONS)
def test_fusions(stem: str, k: int) -> None:
    fusion = fusion_of(stem, [3] * k).double()
    names, values = _parameters(fusion)
    inputs = [matrix.requires_grad_() for matrix in inputs_of(stem, k, 2, 3)]

    def fused(*given: Tensor) -> Tensor:
        return functional_call(fusion, dict(zip(names, given[k:], strict=True)), (given[:k],))

    assert gradcheck(fused, (*inputs, *values))
    assert gradgradcheck(fused, (*inputs, *values))


@pytest.mark.parametrize("stem", ["max", "min"])
def test_ties_share_the_gradient(stem: str) -> None:
    low, high = torch.zeros(1, 1), torch.ones(1, 1)
    winner = high if stem == "max" else low
    inputs = [matrix.clone().requires_grad_() for matrix in (low, high, winner)]
    fusion_of(stem)(inputs).sum().backward()
    assert [matrix.grad.item() for matrix in inputs] == ([0.0, 0.5, 0.5] if stem == "max" else [0.5, 0.0, 0.5])


@pytest.mark.parametrize("stem", [stem for stem in FUSIONS if stem not in SQUARE])
def test_slopes_are_the_same_where_they_have_a_graph(stem: str) -> None:
    """Of three numbers that are nothing, next to nothing, moderate or large, in every combination."""
    numbers = torch.tensor([0.0, 1e-38, -1e-20, 0.5, 3.0, 1e12])
    inputs = [column[None].requires_grad_() for column in torch.cartesian_prod(*[numbers] * 3).T]
    fused = fusion_of(stem, [inputs[0].shape[1]] * 3)(inputs)
    slopes = torch.autograd.grad(fused.sum(), inputs, retain_graph=True)
    with_graph = torch.autograd.grad(fused.sum(), inputs, create_graph=True)
    torch.testing.assert_close(with_graph, slopes)


@pytest.mark.parametrize("stem", FUSIONS)
def test_fusions_of_sparse_and_dense_matrices(stem: str) -> None:
    """Through the values of the sparse ones, the dense one and the weights."""
    n = 4 if stem in SQUARE else 3
    patterns = [sparse_matrix(n, 4, seed) for seed in (1, 2)]
    fusion = fusion_of(stem, [4] * 3).double()
    names, weights = _parameters(fusion)
    values = [pattern.values().clone().requires_grad_() for pattern in patterns]

    def fused(last: Tensor, first: Tensor, second: Tensor, *weights: Tensor) -> Tensor:
        inputs = [csr.with_values(patterns[0], first), csr.with_values(patterns[1], second), last]
        return dense(functional_call(fusion, dict(zip(names, weights, strict=True)), (inputs,)))

    assert gradcheck(fused, (data(n, 4, seed=3).requires_grad_(), *values, *weights))

    def of_sparse(first: Tensor, second: Tensor) -> Tensor:
        return dense(fusion_of(stem, [4] * 2).double()([csr.with_values(patterns[0], first), patterns[1]])) * second

    assert gradcheck(of_sparse, (values[0], torch.ones((), dtype=torch.float64, requires_grad=True)))


@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses(stem: str) -> None:
    process, pattern = POSTPROCESSES[stem](), sparse_matrix(3, 4)
    assert gradcheck(process, data(3, 4).requires_grad_())
    assert gradgradcheck(process, data(3, 4).requires_grad_())
    values = pattern.values().clone().requires_grad_()
    assert gradcheck(lambda values: dense(process(csr.with_values(pattern, values))), values)


@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_reconciliations(stem: str) -> None:
    psi = RECONCILIATIONS[stem](3, 4).double()
    names, values = _parameters(psi)
    assert gradcheck(lambda *given: functional_call(psi, dict(zip(names, given, strict=True)), ()), values)


@pytest.mark.parametrize("stem", [stem for stem, cls in XIS.items() if not cls.require_data])
def test_data_get_no_gradient_through_a_matrix_that_does_not_see_them(stem: str) -> None:
    assert not any(p.requires_grad for p in [dense(function(stem, B, M).requires_grad_(False).calculate_A(data(B, M)))])
    x = data(B, M).requires_grad_()
    assert not dense(function(stem, B, M).double().requires_grad_(False).calculate_A(x)).requires_grad
