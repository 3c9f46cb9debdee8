"""Mistakes that a library of the same functions has made with learned ones, by their numbers; D19 is in test_error."""

import io

import numpy as np
import pytest
import torch

from catalogue import RECONCILIATIONS, XIS, data, flat, function
from hybridfuse.interdependence.base import TYPES

B, M = 6, 4
LEARNED = [stem for stem, cls in XIS.items() if cls.bound_sizes]


def test_n01_hm_is_the_kronecker_product() -> None:
    psi = RECONCILIATIONS["hm"](4, 6, row_factor=2, column_factor=2)
    with torch.no_grad():
        psi.outer.copy_(torch.tensor([[1.0, 2.0], [5.0, 6.0]]))
        psi.inner.copy_(torch.tensor([[7.0, 8.0, 7.0], [3.0, 4.0, 0.5]]))
    assert psi()[0].tolist() == [7.0, 8.0, 7.0, 14.0, 16.0, 14.0]
    torch.testing.assert_close(psi(), torch.from_numpy(np.kron(psi.outer.detach(), psi.inner.detach())))


@pytest.mark.parametrize("stem", ["parameterized_random_matrix", "bilinear_random_matrix"])
def test_n24_random_matrices_are_saved_and_stay_as_they_were_drawn(stem: str) -> None:
    x = data(B, M, dtype=torch.float32)
    first, second = XIS[stem](B, M), XIS[stem](B, M)
    assert not torch.equal(first.calculate_A(x), second.calculate_A(x))
    matrix = first.calculate_A(x)
    assert torch.equal(first.calculate_A(x), matrix)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(second.calculate_A(x), matrix)
    assert not any("of_" in name for name, _ in first.named_parameters())


def test_n24_random_matrices_follow_their_seed_alone() -> None:
    torch.manual_seed(0)
    first = RECONCILIATIONS["random_matrix"](B, M, seed=3)
    before = torch.get_rng_state()
    second = RECONCILIATIONS["random_matrix"](B, M, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(), second())
    assert not torch.equal(first(), RECONCILIATIONS["random_matrix"](B, M, seed=4)())
    torch.manual_seed(1)
    third = RECONCILIATIONS["random_matrix"](B, M)
    torch.manual_seed(1)
    assert torch.equal(third(), RECONCILIATIONS["random_matrix"](B, M)())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_d07_reconciliations_of_any_dtype(stem: str, dtype: torch.dtype) -> None:
    psi = RECONCILIATIONS[stem](B, M).to(dtype)
    assert psi().dtype == psi.linear(data(3, M, dtype=dtype), None).dtype == dtype
    for other in (torch.float64, torch.float32):
        assert psi.linear(data(3, M, dtype=other), torch.zeros(B, dtype=dtype)).dtype == other


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("stem", LEARNED)
def test_d07_parameters_from_outside_of_any_dtype(stem: str, dtype: torch.dtype) -> None:
    xi, x = function(stem, B, M), data(B, M, dtype=torch.float32)
    numbers = data(1, xi.calculate_l())
    expected = xi.double().calculate_A(x.double(), numbers)
    found = xi.float().calculate_A(x, numbers.to(dtype))
    torch.testing.assert_close(found.double(), expected, rtol=0.05, atol=0.1 if dtype == torch.bfloat16 else 1e-4)


@pytest.mark.parametrize("stem", LEARNED)
def test_d07_d21_parameters_from_outside_of_any_shape_and_stride(stem: str) -> None:
    xi, x = function(stem, B, M).double(), data(B, M)
    numbers = np.arange(1.0, xi.calculate_l() + 1)
    expected = xi.calculate_A(x, torch.from_numpy(numbers.copy()))
    for w in (torch.from_numpy(numbers[None]), torch.from_numpy(np.repeat(numbers, 2))[::2]):
        torch.testing.assert_close(xi.calculate_A(x, w), expected)
    ones = torch.ones(1, 1, dtype=x.dtype).expand(1, xi.calculate_l())
    torch.testing.assert_close(xi.calculate_A(x, ones), xi.calculate_A(x, ones.clone()))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", LEARNED)
def test_c28_learned_functions_hold_their_parameters(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x), xi.calculate_A(x, flat(xi)))
    with pytest.raises(ValueError, match=f"w must hold the {xi.calculate_l()} parameters of {stem}, got 1"):
        xi.calculate_A(x, torch.ones(1))


def test_c21_numbers_of_numpy_are_numbers() -> None:
    assert XIS["parameterized_lowrank"](B, M, p=np.int64(3)).p == 3
    assert XIS["attention"](B, M, heads=np.int64(2), width=np.int64(3)).query.shape == (B, 6)
