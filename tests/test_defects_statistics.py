"""Mistakes of statistical functions that a library of them has made, by their number; none is made here."""

import numpy as np
import pytest
import torch

from catalogue import data, finite, function

N, D = 4, 7


def _two(noise: float, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    first = data(1, 200)
    return (scale * torch.cat([first, first + noise * data(1, 200, seed=1)])).to(dtype)


def test_n04_the_rv_coefficient_is_the_squared_correlation() -> None:
    """For items that correlate negatively, too, and 1 on the diagonal; by its traces for items of one column."""
    x = data(N, D)
    matrix = function("rv_coefficient", N, D, "instance").calculate_A(x)
    centred = (x - x.mean(dim=1, keepdim=True)).numpy()
    for i in range(N):
        for j in range(N):
            within = [np.trace((s := np.outer(c, c)) @ s) for c in (centred[i], centred[j])]
            shared = np.trace(np.outer(centred[i], centred[i]) @ np.outer(centred[j], centred[j]))
            assert matrix[i, j].item() == pytest.approx(shared / np.sqrt(within[0] * within[1]))
    assert torch.equal(matrix.diagonal(), torch.ones(N, dtype=x.dtype))
    negative = torch.cat([x[:1], -x[:1]])
    assert function("rv_coefficient", 2, D, "instance").calculate_A(negative)[0, 1].item() == pytest.approx(1.0)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e6])
def test_n05_mutual_information_is_free_of_scale_and_not_negative(scale: float) -> None:
    information = function("mutual_information", 2, 200, "instance")
    expected = information.calculate_A(_two(1.0))
    assert expected[0, 1] > 0.2
    torch.testing.assert_close(information.calculate_A(_two(1.0, scale)), expected, rtol=1e-10, atol=0)
    assert information.calculate_A(scale * data(2, 200)).min() >= 0


def test_n06_mutual_information_of_strongly_correlated_items_in_float32() -> None:
    for noise in (1e-1, 1e-2, 1e-3):
        x = _two(noise, dtype=torch.float32)
        single, double = (
            function("mutual_information", 2, 200, "instance").calculate_A(given)[0, 1].item()
            for given in (x, x.double())
        )
        assert single == pytest.approx(double, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_n07_an_item_has_the_largest_information_on_itself(dtype: torch.dtype) -> None:
    matrix = function("mutual_information", N, D, "instance").calculate_A(data(N, D, dtype=dtype))
    largest = -0.5 * np.log(torch.finfo(dtype).eps)
    torch.testing.assert_close(matrix.diagonal(), torch.full((N,), largest, dtype=dtype))
    assert matrix.max() <= matrix[0, 0]


@pytest.mark.parametrize("stem", ["pearson_correlation", "rv_coefficient", "mutual_information"])
def test_d01_a_constant_item_depends_on_no_other(stem: str) -> None:
    x = data(N, D)
    x[1] = 0.1
    matrix = function(stem, N, D, "instance").calculate_A(x)
    assert torch.equal(matrix[1].ne(0), torch.tensor([False, True, False, False]))
    assert torch.equal(matrix[1], matrix[:, 1])
    for kind, size in (("attribute", (1, N)), ("instance", (N, 1))):
        with pytest.raises(ValueError, match=f"^{stem} needs at least 2 observations of an item, got 1; on the attri"):
            function(stem, *size, kind).calculate_A(data(*size))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_d02_divergence_where_a_softmax_underflows(dtype: torch.dtype) -> None:
    for spread in (120.0, 1e4, 1e8):
        x = torch.tensor([[spread, 0.0], [0.0, spread]], dtype=dtype)
        expected = torch.tensor([[0.0, spread], [spread, 0.0]], dtype=dtype)
        torch.testing.assert_close(function("kl_divergence", 2, 2, "instance").calculate_A(x), expected)
        streamed = function("kl_divergence", 2, 2)
        streamed.fit_reference(x.T.split(1))
        torch.testing.assert_close(streamed.calculate_A(x.T), expected)


@pytest.mark.parametrize("stem", ["rv_coefficient", "mutual_information"])
def test_d03_float64_stays_float64(stem: str) -> None:
    x = data(N, D)
    rho = np.corrcoef(x.numpy())
    expected = rho**2 if stem == "rv_coefficient" else -0.5 * np.log(1.0 - rho**2 + np.eye(N))
    got = function(stem, N, D, "instance").calculate_A(x)
    assert got.dtype == torch.float64
    torch.testing.assert_close(got.triu(1), torch.from_numpy(expected).triu(1), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_d09_mutual_information_of_half_precision(dtype: torch.dtype) -> None:
    x = data(N, D, dtype=dtype)
    matrix = function("mutual_information", N, D, "instance").calculate_A(x)
    assert matrix.dtype == dtype
    assert finite(matrix)
    expected = function("mutual_information", N, D, "instance").calculate_A(x.double())
    torch.testing.assert_close(matrix.double().triu(1), expected.triu(1), rtol=1e-2, atol=1e-3)
