"""Products at the links of a pattern alone equal the plain ones, and are differentiable any number of times."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from catalogue import data, sparse_matrix
from hybridfuse.functional import csr

PATTERN = sparse_matrix(6, 5, seed=2)
STORED = PATTERN.to_dense() != 0


def test_products_at_links() -> None:
    left, right = data(6, 3), data(5, 3, seed=1)
    expected = (left @ right.T)[STORED]
    torch.testing.assert_close(csr.products(PATTERN, left, right), expected, rtol=1e-13, atol=1e-13)
    strided = csr.products(PATTERN, data(3, 6).T, data(3, 5, seed=1).T)
    torch.testing.assert_close(strided, (data(3, 6).T @ data(3, 5, seed=1))[STORED], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("transposed", [False, True])
def test_product_of_a_pattern_with_values(transposed: bool) -> None:
    values, dense = data(1, int(STORED.sum()))[0], data(6 if transposed else 5, 4, seed=1)
    matrix = csr.with_values(PATTERN, values).to_dense()
    expected = (matrix.T if transposed else matrix) @ dense
    got = csr.product(PATTERN, values, dense, transposed)
    torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(csr.product(PATTERN, values, dense.T.contiguous().T, transposed), expected)


def test_derivatives_of_products() -> None:
    given = (data(6, 3).requires_grad_(), data(5, 3, seed=1).requires_grad_())
    assert gradcheck(lambda left, right: csr.products(PATTERN, left, right), given)
    assert gradgradcheck(lambda left, right: csr.products(PATTERN, left, right), given)


@pytest.mark.parametrize("transposed", [False, True])
def test_derivatives_of_a_product(transposed: bool) -> None:
    given = (data(1, int(STORED.sum()))[0].requires_grad_(), data(6 if transposed else 5, 2, seed=1).requires_grad_())
    assert gradcheck(lambda values, dense: csr.product(PATTERN, values, dense, transposed), given)
    assert gradgradcheck(lambda values, dense: csr.product(PATTERN, values, dense, transposed), given)


def test_third_derivatives() -> None:
    left = data(6, 2).requires_grad_()
    values = csr.products(PATTERN, left, data(5, 2, seed=1)) ** 3
    total = csr.product(PATTERN, values, data(5, 1, seed=3)).sum()
    dense = left.detach().clone().requires_grad_()
    plain = (torch.where(STORED, dense @ data(5, 2, seed=1).T, 0.0) ** 3 @ data(5, 1, seed=3)).sum()
    for _ in range(3):
        (one,) = torch.autograd.grad(total, left, create_graph=True)
        (other,) = torch.autograd.grad(plain, dense, create_graph=True)
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)
        total, plain = one.square().sum(), other.square().sum()
