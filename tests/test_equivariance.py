"""Items in another order give A in that order; what does not look at values, or at an order, does not."""

import numpy as np
import pytest
import torch

from catalogue import (
    DATA_DEPENDENT,
    FUSIONS,
    STRUCTURAL,
    XIS,
    data,
    dense,
    flat,
    function,
    fusion_of,
    inputs_of,
    items,
    matrices,
    states,
)
from families import listed
from families.fusions import EQUALS, MAPPING, SQUARE
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES

B, M = 6, 5
ORDER_FREE = [stem for stem, cls in FUSIONS.items() if cls.symmetric]
FREE_OF_SIZE = [stem for stem in DATA_DEPENDENT if not XIS[stem].bound_sizes]
FREE_OF_OFFSET_AND_SCALE = [
    "cross_correlation",
    "distance_correlation",
    "mutual_information",
    "pearson_correlation",
    "rv_coefficient",
    "spearman_correlation",
]
FREE_OF_OFFSET = [*FREE_OF_OFFSET_AND_SCALE, "hsic", "kl_divergence", "partial_correlation"]
FREE_OF_SCALE = [*FREE_OF_OFFSET_AND_SCALE, "cosine_similarity"]


def _permutation(n: int) -> torch.Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_permuted_items_give_a_permuted_matrix(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    order = _permutation(xi.n)
    permuted = x[:, order] if kind == "attribute" else x[order]
    rows = dense(xi.calculate_A(x))[order]
    expected = rows if stem in listed("ROWS") else rows[:, order]
    torch.testing.assert_close(dense(xi.calculate_A(permuted)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in FREE_OF_SIZE if stem not in listed("ORDERED")])
def test_permuted_features_give_the_same_matrix(stem: str) -> None:
    xi, x = function(stem, B, M, "instance").double(), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x[:, _permutation(M)]), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in FREE_OF_SIZE if stem not in listed("TOGETHER")])
def test_an_entry_depends_on_its_two_items_alone(stem: str) -> None:
    xi, x = function(stem, B, M, "instance").double(), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x[:3]), xi.calculate_A(x)[:3, :3], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_both_types_relate_the_rows_of_their_items(stem: str) -> None:
    attribute, instance = function(stem, B, M, "attribute").double(), function(stem, M, B, "instance").double()
    x = data(B, M)
    assert torch.equal(flat(attribute), flat(instance))
    torch.testing.assert_close(attribute.calculate_A(x), instance.calculate_A(items(x, "attribute")))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", STRUCTURAL)
def test_structures_ignore_values(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind)
    for x in (torch.full((B, M), torch.nan), 1e9 * data(B, M, dtype=torch.float32)):
        assert torch.equal(dense(xi.calculate_A(x)), dense(xi.calculate_A()))


@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_other_data_give_another_matrix(stem: str) -> None:
    xi = function(stem, B, M).double()
    assert (dense(xi.calculate_A(data(B, M))) - dense(xi.calculate_A(data(B, M, seed=1)))).abs().max() > 1e-3


@pytest.mark.parametrize("scale", [1e-12, 3.0, 1e12])
@pytest.mark.parametrize("stem", FREE_OF_SCALE)
def test_scaled_items_give_the_same_matrix(stem: str, scale: float) -> None:
    xi, x = function(stem, B, M, "instance"), data(B, M)
    factors = scale * torch.arange(1, B + 1, dtype=x.dtype)[:, None]
    torch.testing.assert_close(xi.calculate_A(factors * x), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", ["euclidean_distance", "gaussian_rbf"])
def test_shifted_items_have_the_same_distances(stem: str) -> None:
    xi, x = function(stem, B, M, "instance"), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x + data(1, M, seed=2)), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", FREE_OF_OFFSET)
def test_items_shifted_each_by_its_own_have_the_same_matrix(stem: str) -> None:
    xi, x = function(stem, B, M, "instance"), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x + data(B, 1, seed=2)), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in DATA_DEPENDENT if states(stem, ", symmetric,")])
def test_what_is_stated_symmetric_is_so_to_the_last_digit(stem: str) -> None:
    matrix = function(stem, B, M, "instance").calculate_A(data(B, M, dtype=torch.float32))
    assert torch.equal(matrix, matrix.T)


@pytest.mark.parametrize("k", [2, 3, 4, 9])
@pytest.mark.parametrize("stem", ORDER_FREE)
def test_fusions_do_not_see_the_order(stem: str, k: int) -> None:
    """To the last bit: dense, sparse and mixed, and where matrices have most entries in common."""
    dense_ones, fusion = inputs_of(stem, k), fusion_of(stem)
    sparse = [(matrix * (data(*matrix.shape, seed=i) > 0)).to_sparse_csr() for i, matrix in enumerate(dense_ones)]
    alike = [dense_ones[0].clone() for _ in range(k)]
    for i, matrix in enumerate(alike):
        matrix[-1, -2] += 0.1 * i
    mixed = [*sparse[: k // 2], *dense_ones[k // 2 :]]
    for inputs in (dense_ones, sparse, mixed, alike):
        expected = dense(fusion(inputs))
        for order in [inputs[shift:] + inputs[:shift] for shift in range(1, k)] + [inputs[::-1]]:
            assert torch.equal(dense(fusion(order)), expected)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", ORDER_FREE)
def test_hybrids_of_symmetric_fusions_do_not_see_the_order(stem: str, kind: str) -> None:
    """To the last bit, in what they are and in what they do, with gradients and without; two parts of one class."""
    wide, other = function("gaussian_rbf", B, M, kind, sigma=3.0), function("pearson_correlation", B, M, kind)
    parts = [function("chain", B, M, kind), function("gaussian_rbf", B, M, kind), wide, other]
    x, seen = data(B, M, dtype=torch.float32), []
    for order in (parts, parts[::-1], parts[2:] + parts[:2]):
        hybrid = HybridInterdependence(B, M, kind, interdependence_functions=order, fusion_function=fusion_of(stem))
        given = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(hybrid(given).square().sum(), given)
        with torch.no_grad():
            seen.append([dense(hybrid.calculate_A(x)), hybrid(x), gradient])
    assert all(torch.equal(one, same) for others in seen[1:] for one, same in zip(seen[0], others, strict=True))


@pytest.mark.parametrize("stem", [stem for stem in FUSIONS if stem != "metric"])
def test_fusions_see_the_order_unless_they_say_that_they_do_not(stem: str) -> None:
    fusion = fusion_of(stem, [5, 5], **({"weights": [1.0, 2.0]} if stem == "weighted_sum" else {})).double()
    for index, parameter in enumerate(fusion.parameters()):
        parameter.data = data(1, parameter.numel(), seed=70 + index).reshape(parameter.shape)
    first, second = inputs_of(stem, 2)
    apart = (fusion([first, second]) - fusion([second, first])).abs().max()
    assert apart < 1e-12 if FUSIONS[stem].symmetric else apart > 0.1


@pytest.mark.parametrize("stem", FUSIONS)
def test_a_single_matrix_is_kept_where_that_is_said(stem: str) -> None:
    """To the last bit, by a fusion that learns nothing."""
    (matrix,), fusion = inputs_of(stem, 1), fusion_of(stem, [5]).double()
    kept = not fusion.require_parameters and torch.equal(fusion([matrix]), matrix)
    assert FUSIONS[stem].keeps_one == kept


@pytest.mark.parametrize("stem", [stem for stem in FUSIONS if stem not in MAPPING])
def test_fusion_of_equal_matrices(stem: str) -> None:
    (matrix,) = matrices(1)
    fused = fusion_of(stem, [5] * 3).double()([matrix] * 3)
    expected = torch.from_numpy(EQUALS.get(stem, np.asarray)(matrix.numpy()))
    torch.testing.assert_close(fused, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("stem", ORDER_FREE)
def test_fusions_permute_as_their_inputs_do(stem: str) -> None:
    inputs, fusion = inputs_of(stem, 3), fusion_of(stem)
    rows, columns = _permutation(4), _permutation(5)
    rows = columns if stem in SQUARE else rows
    permuted = fusion([matrix[rows][:, columns] for matrix in inputs])
    tolerance = 1e-12 if stem in SQUARE else 0
    torch.testing.assert_close(permuted, fusion(inputs)[rows][:, columns], rtol=tolerance, atol=tolerance)
