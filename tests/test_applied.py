"""Matrices that are applied without being seen, and functions with gradients of their own."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from catalogue import data, finite, function
from hybridfuse.functional import applied, gram, statistic
from hybridfuse.functional.differentiable import Function


def _plain(rows: Tensor, features: Tensor) -> Tensor:
    return rows @ (features.mT @ features)


@pytest.mark.parametrize("n", [1, 5, 130, 300])
def test_inner_products_applied_to_rows(n: int) -> None:
    """Of the items themselves and of others, in and beyond one panel, and their gradients."""
    features, others = data(4, n), data(6, n, seed=1)
    for given in ((features, features), (others, features), (others.T.contiguous().T, features)):
        np.testing.assert_allclose(applied.times(*given).numpy(), _plain(*given).numpy(), rtol=1e-11, atol=1e-11)
        found, expected = (
            torch.autograd.grad((call(*traced) * data(len(given[0]), n, seed=2)).sum(), leaves)
            for call in (applied.times, _plain)
            for leaves, traced in [_traced(given)]
        )
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-9)


def _traced(given: tuple[Tensor, Tensor]) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
    """Leaves, one where both are the same."""
    own = given[0] is given[1]
    leaves = [tensor.detach().clone().requires_grad_() for tensor in given[: 1 if own else 2]]
    return leaves, (leaves[0], leaves[-1])


def test_one_gradient_of_two_is_found_alone() -> None:
    rows, features = data(4, 3, seed=1), data(5, 3)
    for first in (True, False):
        leaf = (rows if first else features).clone().requires_grad_()
        pair = (leaf, features) if first else (rows, leaf)
        expected = torch.autograd.grad(_plain(*pair).square().sum(), leaf)
        torch.testing.assert_close(torch.autograd.grad(applied.times(*pair).square().sum(), leaf), expected)


def test_inner_products_applied_are_differentiable_twice() -> None:
    rows, features = data(2, 3, seed=1).requires_grad_(), data(4, 3).requires_grad_()
    for call, given in ((applied.times, (rows, features)), (lambda x: applied.times(x, x), (features,))):
        assert gradcheck(call, given)
        assert gradgradcheck(call, given)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_inner_products_applied_under_transforms() -> None:
    rows, features = data(2, 3, seed=1), data(4, 3)
    expected = torch.autograd.functional.jacobian(lambda x: _plain(rows, x), features)
    for jacobian in (torch.func.jacfwd, torch.func.jacrev):
        torch.testing.assert_close(jacobian(lambda x: applied.times(rows, x))(features), expected)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_correlation_under_transforms() -> None:
    batch = data(2, 15).view(2, 3, 5)
    xi = function("pearson_correlation", 3, 5, "instance")
    expected = torch.stack([torch.corrcoef(items) for items in batch])
    torch.testing.assert_close(torch.vmap(xi.calculate_A)(batch), expected)
    slopes = torch.stack([torch.autograd.functional.jacobian(torch.corrcoef, items) for items in batch])
    for jacobian in (torch.func.jacfwd, torch.func.jacrev):
        found = torch.stack([jacobian(xi.calculate_A)(items) for items in batch])
        torch.testing.assert_close(found, slopes, atol=1e-12, rtol=1e-7)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_an_item_and_itself_have_no_slope_of_their_cosine() -> None:
    units = torch.nn.functional.normalize(data(3, 4))
    for jacobian in (torch.func.jacfwd, torch.func.jacrev):
        slopes = jacobian(lambda items: gram.cosines(items).diagonal())(units)
        assert slopes.eq(0).all()


def test_huge_items_applied_do_not_overflow_on_the_way() -> None:
    top = torch.finfo(torch.float32).max
    features = torch.cat([torch.ones(40, 1), -torch.ones(39, 1)])
    features = torch.cat([features, torch.full((79, 1), 0.9 * top)], dim=1).requires_grad_()
    result = applied.times(torch.eye(2), features)
    assert result[0, 1].item() == pytest.approx(0.9 * top, rel=1e-5)
    assert result[1, 1] == top
    result.sum().backward()
    assert finite(result, features.grad)


@pytest.mark.parametrize("kind", ["attribute", "instance"])
@pytest.mark.parametrize("stem", ["linear", "polynomial", "hyperbolic_tangent", "cosine_similarity", "bilinear"])
def test_what_is_applied_is_the_matrix_that_is_seen(stem: str, kind: str) -> None:
    """To others than the items, in the shape and memory order of the data, in half precision, too."""
    xi, x, others = function(stem, 7, 5, kind), data(7, 5), data(7, 5, seed=1)
    xi = xi.double()
    matrix = xi.calculate_A(x)
    expected = others @ matrix if kind == "attribute" else matrix.mT @ others
    torch.testing.assert_close(xi(x, others), expected, rtol=1e-12, atol=1e-12)
    half = xi(x.bfloat16(), others.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), expected, rtol=0.05, atol=0.05 * float(expected.detach().abs().max()))


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_standardised_items_of_any_size_have_their_gradient(scale: float) -> None:
    """That of the formula in float64; nothing for a constant item."""
    items = (data(3, 6) * scale + scale).float().requires_grad_()
    weights = data(3, 6, seed=1)
    (found,) = torch.autograd.grad((statistic.standardised(items) * weights.float()).sum(), items)
    wide = items.detach().double().requires_grad_()
    centred = wide - wide.mean(dim=1, keepdim=True)
    standard = centred / centred.norm(dim=1, keepdim=True)
    (expected,) = torch.autograd.grad((standard * weights).sum(), wide)
    torch.testing.assert_close(found.double() * scale, expected * scale, rtol=1e-4, atol=1e-5)
    constant = torch.full((1, 6), scale, requires_grad=True)
    assert statistic.standardised(constant).eq(0).all()
    assert finite(*torch.autograd.grad(statistic.standardised(constant).sum(), constant))


class _Twice(Function):
    calls = 0

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        _Twice.calls += 1
        return 2 * x

    @staticmethod
    def setup_context(ctx: object, inputs: tuple[Tensor], output: Tensor) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: object, *grads: Tensor) -> Tensor:
        return 3 * grads[0]  # not the true slope, so that it is seen whose slope is taken


def test_a_function_has_its_own_gradient_in_every_mode() -> None:
    x = torch.ones(2, requires_grad=True)
    assert torch.autograd.grad(_Twice.apply(x).sum(), x)[0].tolist() == [3.0, 3.0]
    assert torch.func.grad(lambda y: _Twice.apply(y).sum())(x.detach()).tolist() == [3.0, 3.0]
    with torch.no_grad():
        assert not _Twice.apply(x).requires_grad
    assert _Twice.calls == 3
