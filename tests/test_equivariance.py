"""Items in another order give A in that order; what does not look at values, or at an order, does not."""

import pytest
import torch

from catalogue import DATA_DEPENDENT, FUSIONS, STRUCTURAL, XIS, data, dense, flat, function, items, matrices, states
from hybridfuse.interdependence.base import TYPES

B, M = 6, 5
ORDERED_FUSIONS = {"concatenation", "weighted_sum_learned"}
ORDER_FREE = [stem for stem in FUSIONS if stem not in ORDERED_FUSIONS]
FREE_OF_SCALE = ["cosine_similarity", "pearson_correlation"]


def _permutation(n: int) -> torch.Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_permuted_items_give_a_permuted_matrix(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    order = _permutation(xi.n)
    permuted = x[:, order] if kind == "attribute" else x[order]
    torch.testing.assert_close(xi.calculate_A(permuted), xi.calculate_A(x)[order][:, order], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in DATA_DEPENDENT if not XIS[stem].bound_sizes])
def test_permuted_features_give_the_same_matrix(stem: str) -> None:
    xi, x = function(stem, B, M, "instance").double(), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x[:, _permutation(M)]), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in DATA_DEPENDENT if not XIS[stem].bound_sizes])
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
    assert (xi.calculate_A(data(B, M)) - xi.calculate_A(data(B, M, seed=1))).abs().max() > 1e-3


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


def test_items_shifted_each_by_its_own_have_the_same_correlation() -> None:
    xi, x = function("pearson_correlation", B, M, "instance"), data(B, M)
    torch.testing.assert_close(xi.calculate_A(x + data(B, 1, seed=2)), xi.calculate_A(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", [stem for stem in DATA_DEPENDENT if states(stem, ", symmetric,")])
def test_what_is_stated_symmetric_is_so_to_the_last_digit(stem: str) -> None:
    matrix = function(stem, B, M, "instance").calculate_A(data(B, M, dtype=torch.float32))
    assert torch.equal(matrix, matrix.T)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("stem", ORDER_FREE)
def test_fusions_do_not_see_the_order(stem: str, k: int) -> None:
    inputs, fusion = matrices(k), FUSIONS[stem]()
    for shift in range(1, k):
        torch.testing.assert_close(fusion(inputs[shift:] + inputs[:shift]), fusion(inputs), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(fusion(inputs[::-1]), fusion(inputs), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stem", sorted(ORDERED_FUSIONS))
def test_fusions_that_do_see_the_order(stem: str) -> None:
    fusion = FUSIONS[stem]([5, 5]).double()
    for parameter in fusion.parameters():
        parameter.data = torch.tensor([1.0, 2.0], dtype=torch.float64)
    first, second = matrices(2)
    assert (fusion([first, second]) - fusion([second, first])).abs().max() > 0.1


OF_EQUALS = {
    "concatenation": lambda a: torch.cat([a, a, a], dim=1),
    "max": lambda a: a,
    "mean": lambda a: a,
    "median": lambda a: a,
    "min": lambda a: a,
    "prod": lambda a: a**3,
    "sum": lambda a: 3 * a,
    "weighted_sum_learned": lambda a: a,
}


def test_there_is_a_row_for_each_fusion() -> None:
    assert OF_EQUALS.keys() == FUSIONS.keys()


@pytest.mark.parametrize("stem", FUSIONS)
def test_fusion_of_equal_matrices(stem: str) -> None:
    (matrix,) = matrices(1)
    fused = FUSIONS[stem]([5] * 3).double()([matrix] * 3)
    torch.testing.assert_close(fused, OF_EQUALS[stem](matrix), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("stem", ORDER_FREE)
def test_fusions_permute_as_their_inputs_do(stem: str) -> None:
    inputs, fusion = matrices(3), FUSIONS[stem]()
    rows, columns = _permutation(4), _permutation(5)
    permuted = fusion([matrix[rows][:, columns] for matrix in inputs])
    torch.testing.assert_close(permuted, fusion(inputs)[rows][:, columns], rtol=0, atol=0)
