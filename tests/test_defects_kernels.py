"""Mistakes in numeric kernels that another library has made, by the number under which they are kept."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.fx.experimental import _config as fx_config

from catalogue import XIS, data, dense, finite, function
from families import kernels
from hybridfuse.interdependence.base import TYPES

OF_MINE = [stem for stem in kernels.ORACLES if XIS[stem].cost == "n² d"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("weights", [(0.25, 0.75), torch.tensor([0.25, 0.75]), np.array([0.25, 0.75]), [0.25, 0.75]])
def test_n23_a_mixture_follows_its_axis_and_takes_weights_of_any_form(weights: Any, kind: str) -> None:
    x = data(5, 3)
    given = x.T if kind == "attribute" else x
    mixture = XIS["kernel_mixture"](5, 3, kind, kernels=["linear", "exponential"], weights=weights)
    expected = 0.25 * given @ given.T + 0.75 * torch.exp(-(torch.cdist(given, given) ** 2))
    torch.testing.assert_close(mixture.calculate_A(x), expected)
    assert mixture.calculate_A(x).shape == ((3, 3) if kind == "attribute" else (5, 5))


def test_n26_formulas_are_those_of_the_docstrings() -> None:
    """An exponential of the squared Euclidean distance, not of that of Manhattan."""
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
    for stem, entry in [
        ("exponential", math.exp(-5.0)),
        ("gaussian_rbf", math.exp(-2.5)),
        ("anisotropic_rbf", math.exp(-5.0)),
        ("matern", (1.0 + math.sqrt(15.0)) * math.exp(-math.sqrt(15.0))),
    ]:
        assert XIS[stem](2, 2, "instance").calculate_A(x)[0, 1].item() == pytest.approx(entry, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_d04_anisotropic_weights_follow_the_data(dtype: torch.dtype) -> None:
    x = data(4, 3, dtype=dtype)
    for learnable in (False, True):
        xi = XIS["anisotropic_rbf"](4, 3, "instance", weights=[0.5, 1.0, 2.0], learnable=learnable)
        matrix = xi.calculate_A(x)
        assert matrix.dtype == dtype
        scaled = x.double() * torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64).sqrt()
        expected = torch.exp(-(torch.cdist(scaled, scaled) ** 2))
        torch.testing.assert_close(matrix.double(), expected, rtol=0, atol=2 * max(torch.finfo(dtype).eps, 1e-8))
        with fx_config.patch(meta_nonzero_assume_all_nonzero=True):
            assert xi.to("meta").calculate_A(torch.empty(4, 3, device="meta")).device.type == "meta"


def test_c21_one_weight_for_each_coordinate_of_an_item_in_an_array() -> None:
    """Of an attribute these are the rows of a batch, as many as there are; a number serves any batch."""
    x = data(5, 3)
    xi = XIS["anisotropic_rbf"](5, 3, weights=np.arange(5.0))
    expected = torch.exp(-((x.T[:, None] - x.T[None]) ** 2 * torch.arange(5.0)).sum(dim=2))
    torch.testing.assert_close(xi.calculate_A(x), expected)
    scalar = XIS["anisotropic_rbf"](5, 3, weights=0.5)
    assert [scalar.calculate_A(data(rows, 3)).shape for rows in (2, 5, 9)] == [(3, 3)] * 3


@pytest.mark.parametrize("kind", TYPES)
def test_c01_d15_a_zero_item_has_a_gradient_in_the_dtype_of_the_data(kind: str) -> None:
    x = data(4, 4)
    x[1], x[:, 1] = 0.0, 0.0
    x.requires_grad_()
    matrix = XIS["cosine_similarity"](4, 4, kind).calculate_A(x)
    assert matrix.dtype == torch.float64
    assert matrix.requires_grad
    (matrix * data(4, 4, seed=1)).sum().backward()
    assert finite(x.grad)
    assert matrix[1].eq(0).all()


def test_d16_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for stem in kernels.ORACLES:
        function(stem, 4, 3).calculate_A(data(4, 3))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("degree", [0.5, 2.5, -0.5])
def test_d17_no_fractional_power_of_a_negative_number(degree: float) -> None:
    x = torch.tensor([[1.0], [-2.0]])
    with pytest.raises(ValueError, match=rf"^degree must be a whole number where .* is < 0, got {degree}\."):
        XIS["polynomial"](2, 1, "instance", degree=degree).calculate_A(x)
    shifted = XIS["polynomial"](2, 1, "instance", degree=degree, shift=3.0).calculate_A(x)
    torch.testing.assert_close(shifted, (x @ x.T + 3.0) ** degree)
    for whole in (3.0, 2.0, -1.0):
        torch.testing.assert_close(XIS["polynomial"](2, 1, "instance", degree=whole).calculate_A(x), (x @ x.T) ** whole)


@pytest.mark.parametrize("stem", ["exponential", "gaussian_rbf", "anisotropic_rbf", "matern"])
def test_d18_second_derivatives_are_finite_where_items_coincide(stem: str) -> None:
    """And are those of a parabola: the Hessian of A_01 towards one item is its curvature times the identity."""
    x = torch.ones(2, 3, dtype=torch.float64)
    curvature = {"exponential": -2.0, "gaussian_rbf": -1.0, "anisotropic_rbf": -2.0, "matern": -3.0}[stem]
    xi = XIS[stem](2, 3, "instance")

    def entry(first: torch.Tensor) -> torch.Tensor:
        return xi.calculate_A(torch.stack([first, x[1]]))[0, 1]

    hessian = torch.autograd.functional.hessian(entry, x[0])
    torch.testing.assert_close(hessian, curvature * torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("stem", OF_MINE)
def test_d05_matrices_follow_the_dtype_of_the_data(stem: str) -> None:
    for dtype in (torch.float64, torch.float32):
        assert dense(function(stem, 4, 3).calculate_A(data(4, 3, dtype=dtype))).dtype == dtype
