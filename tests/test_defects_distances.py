"""Mistakes of distances that a library of them has made, by their number; none is made here."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.autograd import gradgradcheck

from catalogue import XIS, data, finite, function

N, D = 5, 3


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("canberra_distance", "canberra"),
        ("chebyshev_distance", "chebyshev"),
        ("euclidean_distance", "euclidean"),
        ("manhattan_distance", "cityblock"),
    ],
)
def test_n26_similarities_are_what_their_docstring_says(stem: str, name: str) -> None:
    """Not 1 less the distance, and not the distance itself, which are negative or grow."""
    assert r"A_{ij} = \exp" in (XIS[stem].__doc__ or "")
    x = 5.0 * data(N, D)
    expected = torch.from_numpy(np.exp(-cdist(x, x, name)))
    torch.testing.assert_close(function(stem, N, D, "instance").calculate_A(x), expected)


@pytest.mark.parametrize("order", ["nuc", "fro", None, True, 0.0, -2.0, -math.inf, math.nan])
def test_c23_an_order_that_is_none_is_refused_at_once(order: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^order must be "):
        XIS["minkowski_distance"](N, D, order=order)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_d10_canberra_of_two_zeros(dtype: torch.dtype) -> None:
    x = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=dtype, requires_grad=True)
    matrix = function("canberra_distance", 2, 2, "instance").calculate_A(x)
    nearness = math.exp(-1.0)
    expected = torch.tensor([[1.0, nearness], [nearness, 1.0]], dtype=dtype)
    torch.testing.assert_close(matrix, expected)
    (gradient,) = torch.autograd.grad(matrix.sum(), x)
    assert finite(gradient)


@pytest.mark.parametrize(
    "stem", ["canberra_distance", "chebyshev_distance", "euclidean_distance", "laplacian", "manhattan_distance"]
)
def test_d18_second_derivatives_on_the_diagonal(stem: str) -> None:
    """And where items coincide: finite there, and right for what depends on other pairs."""
    xi = function(stem, N, D, "instance")
    x = data(N, D)
    x[1] = x[0]
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(xi.calculate_A(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert finite(gradient, second)
    apart = data(N, D).requires_grad_()
    assert gradgradcheck(lambda x: xi.calculate_A(x), apart)
