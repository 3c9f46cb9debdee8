"""Balances take matrices of any magnitude to comparable ones."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from catalogue import BALANCES, data, dense, finite, sparse_matrix
from hybridfuse.functional import csr

UNIT = ["unit_norm", "unit_spectral_radius"]


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (3, 8), (1, 1)])
def test_units(shape: tuple[int, int], scale: float) -> None:
    matrix = scale * data(*shape)
    for given in (matrix, matrix.to_sparse_csr()):
        (normal,) = BALANCES["unit_norm"]()(iter([given]))
        (spectral,) = BALANCES["unit_spectral_radius"]()(iter([given]))
        assert normal.layout == spectral.layout == given.layout
        torch.testing.assert_close(dense(normal).norm().item(), shape[1] ** 0.5)
        torch.testing.assert_close(torch.linalg.svdvals(dense(spectral))[0].item(), 1.0, rtol=1e-3, atol=0)
        torch.testing.assert_close(dense(normal) / dense(normal).norm(), data(*shape) / data(*shape).norm())


def test_the_spectral_radius_of_a_symmetric_matrix_is_its_largest_eigenvalue() -> None:
    matrix = data(8, 8) + data(8, 8).T
    balance = BALANCES["unit_spectral_radius"]()
    list(balance([matrix]))
    torch.testing.assert_close(1 / balance.scales()[0], torch.linalg.eigvalsh(matrix).abs().max(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("stem", BALANCES)
def test_scales_are_what_matrices_were_multiplied_by(stem: str) -> None:
    balance = BALANCES[stem]([5] * 3).double()
    assert balance.scales().numel() == (0 if balance.known_factors(3) is None else 3)
    for parameter in balance.parameters():
        parameter.data = data(1, 3)[0]
    inputs = [data(4, 5).requires_grad_(), 7.0 * data(4, 5, seed=1), sparse_matrix()]
    before = [dense(matrix).clone() for matrix in inputs]
    for scale, given, got in zip(balance.scales(), inputs, balance(inputs), strict=False):
        torch.testing.assert_close(dense(got), scale * dense(given))
    outputs = list(balance(iter(inputs)))
    assert balance.scales().shape == (3,)
    assert not balance.scales().requires_grad  # so that no graph is kept
    for scale, given, got in zip(balance.scales(), inputs, outputs, strict=True):
        torch.testing.assert_close(dense(got), scale * dense(given))
        assert got.layout == given.layout
    assert all(map(torch.equal, before, map(dense, inputs)))


def test_learned_scales_are_exponentials_that_start_at_one() -> None:
    balance = BALANCES["learned_scale"]([5, 5]).double()
    inputs = [data(4, 5), data(4, 5, seed=1)]
    assert all(map(torch.equal, balance(inputs), inputs))
    balance.log_scale.data = torch.tensor([0.5, -2.0], dtype=torch.float64)
    for got, given, power in zip(balance(inputs), inputs, (0.5, -2.0), strict=True):
        torch.testing.assert_close(got, given * torch.tensor(power, dtype=torch.float64).exp())
    sum(balance(inputs)).sum().backward()
    assert balance.log_scale.grad.ne(0).all()
    with pytest.raises(ValueError, match=r"^learned_scale has scales for 2 matrices, got 3"):
        list(balance([*inputs, inputs[0]]))
    with pytest.raises(ValueError, match=r"^learned_scale needs dims"):
        BALANCES["learned_scale"]()
    with pytest.raises(ValueError, match=r"^dims must hold"):
        BALANCES["unit_norm"]([])


@pytest.mark.parametrize("stem", UNIT)
def test_gradients(stem: str) -> None:
    balance = BALANCES[stem]()
    apart = torch.diag(torch.tensor([5.0, 1.0, 0.5], dtype=torch.float64)) + 0.1 * data(3, 3)
    pattern = sparse_matrix(3, 4)
    tolerance = 1e-6 if stem == "unit_norm" else 1e-2
    assert gradcheck(lambda x: next(balance([x])), apart.requires_grad_(), atol=tolerance, rtol=tolerance)
    values = pattern.values().clone().requires_grad_()
    with_values = lambda values: dense(next(balance([csr.with_values(pattern, values)])))  # noqa: E731
    assert gradcheck(with_values, values, atol=tolerance, rtol=tolerance)
    if stem == "unit_norm":
        assert gradgradcheck(lambda x: next(balance([x])), apart)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("stem", BALANCES)
def test_zero_matrices_stay_and_dtypes_too(stem: str, dtype: torch.dtype) -> None:
    for given in (torch.zeros(3, 4, dtype=dtype), data(3, 4).to(dtype), sparse_matrix(3, 4).to(dtype)):
        balance = BALANCES[stem]([4])
        leaf = given.clone().requires_grad_(given.layout == torch.strided)
        (got,) = balance([leaf])
        assert (got.dtype, finite(got)) == (dtype, True)
        if given.layout == torch.strided:
            got.sum().backward()
            assert finite(leaf.grad)
            assert given.ne(0).any() or got.eq(0).all()


@pytest.mark.parametrize("stem", UNIT)
def test_a_chain_has_a_scale(stem: str) -> None:
    """Its eigenvalues are all 0."""
    chain = torch.eye(6).roll(1, 1).triu(1).to_sparse_csr()
    (got,) = BALANCES[stem]()([chain])
    torch.testing.assert_close(got.to_dense(), chain.to_dense() * ((6 / 5) ** 0.5 if stem == "unit_norm" else 1.0))
