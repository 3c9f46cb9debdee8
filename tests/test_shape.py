"""Rows of A are items on both axes; X A and Aᵀ κ(X); any sizes."""

import pytest
import torch

from catalogue import (
    FUNCTIONS,
    FUSIONS,
    LEAST_FEATURES,
    POSTPROCESSES,
    STRUCTURAL,
    XIS,
    bound,
    data,
    dense,
    function,
    fusion_of,
    hybrid_of,
)
from families.fusions import SQUARE
from hybridfuse.interdependence.base import TYPES, Interdependence

B, M = 6, 4
WITH_COLUMNS = [stem for stem, cls in XIS.items() if "p" in cls.__init__.__annotations__]

OF_ONE_SIZE = [stem for stem, cls in XIS.items() if not cls.any_size]


def _fits(stem: str, d: int) -> bool:
    return d >= LEAST_FEATURES.get(stem, 1)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_data_are_multiplied_on_their_axis(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    matrix = dense(xi.calculate_A(x))
    assert matrix.shape == (xi.n, xi.p) == (M if kind == "attribute" else B, xi.columns(xi.n))
    torch.testing.assert_close(xi(x), x @ matrix if kind == "attribute" else matrix.T @ x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_transformed_data_take_the_place_of_the_data(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    kappa_x = data(9, M, seed=1) if kind == "attribute" else data(B, 9, seed=1)
    matrix = dense(xi.calculate_A(x))
    expected = kappa_x @ matrix if kind == "attribute" else matrix.T @ kappa_x
    torch.testing.assert_close(xi(x, kappa_x), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(xi(x, kappa_x=kappa_x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("p", [1, 3, 11])
@pytest.mark.parametrize("stem", WITH_COLUMNS)
def test_columns_beyond_or_below_items(stem: str, p: int, kind: str) -> None:
    xi, x = function(stem, B, M, kind, p=p).double(), data(B, M)
    matrix = dense(xi.calculate_A(x))
    assert matrix.shape == ((M, p) if kind == "attribute" else (B, p))
    assert xi.p == p
    assert (xi.calculate_b_prime(), xi.calculate_m_prime()) == ((B, p) if kind == "attribute" else (p, M))
    torch.testing.assert_close(xi(x), x @ matrix if kind == "attribute" else matrix.T @ x)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_sizes_are_those_of_the_output(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind).double()
    assert xi(data(B, M)).shape == (xi.calculate_b_prime(), xi.calculate_m_prime())
    assert (xi.n, xi.d) == ((M, B) if kind == "attribute" else (B, M))
    assert (xi.calculate_b_prime(), xi.calculate_m_prime()) == ((B, xi.p) if kind == "attribute" else (xi.p, M))
    if type(xi).columns is Interdependence.columns:
        assert xi.p == xi.n
        assert (xi.calculate_b_prime(17), xi.calculate_m_prime(23)) == (17, 23)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", WITH_COLUMNS)
def test_given_columns_are_those_of_any_number_of_items(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind, p=3)
    assert xi.calculate_b_prime(17) == (17 if kind == "attribute" else 3)
    assert xi.calculate_m_prime(23) == (3 if kind == "attribute" else 23)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("stem", "n", "d"),
    [(stem, n, d) for stem in XIS for n, d in [(1, 1), (1, 3), (2, 1), (3, 1)] if _fits(stem, d)],
)
def test_single_items_and_features(stem: str, n: int, d: int, kind: str) -> None:
    b, m = (d, n) if kind == "attribute" else (n, d)
    xi, x = function(stem, b, m, kind).double(), data(b, m)
    matrix = dense(xi.calculate_A(x))
    assert matrix.shape == (n, xi.p)
    torch.testing.assert_close(xi(x), x @ matrix if kind == "attribute" else matrix.T @ x)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_a_batch_of_another_size(stem: str, kind: str) -> None:
    """Short, as the last one of an epoch, or long; wherever no parameter forbids it."""
    xi = function(stem, B, M, kind).double()
    size = "d" if kind == "attribute" else "n"
    for b in (2, B - 1, B + 3):
        x = data(b, M)
        if bound(stem, size):
            with pytest.raises(ValueError, match=rf"parameters for {B} rows a batch, got {b}; use (axis=|batches of)"):
                xi(x)
        elif stem in OF_ONE_SIZE and kind == "instance":
            with pytest.raises(ValueError, match=f"is of {B} items, so a batch must have as many, got {b}"):
                xi(x)
        else:
            matrix = dense(xi.calculate_A(x))
            assert matrix.shape == ((M, xi.p) if kind == "attribute" else (b, xi.columns(b)))
            torch.testing.assert_close(xi(x), x @ matrix if kind == "attribute" else matrix.T @ x)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [stem for stem in STRUCTURAL if stem not in OF_ONE_SIZE])
def test_a_structure_of_another_size_is_that_of_a_function_built_for_it(stem: str, kind: str) -> None:
    got = function(stem, B, M, kind).calculate_A(data(B + 2, M))
    torch.testing.assert_close(dense(got), dense(function(stem, B + 2, M, kind).double().calculate_A()))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_memory_order_of_the_data_does_not_matter(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind).double(), data(B, M)
    wide = torch.zeros(B, 2 * M, dtype=x.dtype)
    wide[:, ::2] = x
    for same in (x.T.contiguous().T, wide[:, ::2]):
        assert not same.is_contiguous()
        torch.testing.assert_close(dense(xi.calculate_A(same)), dense(xi.calculate_A(x)))
        torch.testing.assert_close(xi(same), xi(x))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [stem for stem, cls in XIS.items() if not cls.require_data])
def test_without_data_where_none_are_needed(stem: str, kind: str) -> None:
    xi, x = function(stem, B, M, kind), data(B, M, dtype=torch.float32)
    torch.testing.assert_close(dense(xi.calculate_A()), dense(xi.calculate_A(x)), rtol=0, atol=0)
    torch.testing.assert_close(xi(kappa_x=x), xi(x), rtol=0, atol=0)
    if not bound(stem, "n") and stem not in OF_ONE_SIZE:
        longer = data(B + 1, M, dtype=torch.float32)
        torch.testing.assert_close(xi(kappa_x=longer), xi(longer), rtol=0, atol=0)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_the_data_are_left_as_they_are(stem: str) -> None:
    xi, x = function(stem, B, M).double(), data(B, M)
    before = x.clone()
    xi(x, x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("stem", FUSIONS)
def test_fusions_take_any_shape_and_leave_inputs_as_they_are(stem: str) -> None:
    for n, p in [(1, 1), (1, 4), (4, 1), (3, 7)]:
        n = p if stem in SQUARE else n
        inputs = [data(n, p, seed=seed) for seed in range(3)]
        before = [matrix.clone() for matrix in inputs]
        fusion = fusion_of(stem, [p] * 3).double()
        fused = fusion(inputs)
        assert fused.shape == (n, fusion.calculate_n())
        assert fused.shape == fusion(tuple(inputs)).shape == fusion(torch.stack(inputs)).shape
        assert all(map(torch.equal, inputs, before))


@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses_take_any_shape_and_leave_the_input_as_it_is(stem: str) -> None:
    for n, p in [(1, 1), (1, 4), (4, 1), (3, 7)]:
        matrix = data(n, p)
        before = matrix.clone()
        assert POSTPROCESSES[stem]()(matrix).shape == (n, p)
        assert torch.equal(matrix, before)


@pytest.mark.parametrize("kind", TYPES)
def test_a_concatenating_hybrid_has_the_columns_of_all_parts(kind: str) -> None:
    stems = ["chain", "cosine_similarity", "identity"]
    hybrid, x = hybrid_of(stems, "concatenation", B, M, kind).double(), data(B, M)
    n = M if kind == "attribute" else B
    assert hybrid.p == 3 * n
    assert hybrid.calculate_A(x).shape == (n, 3 * n)
    assert hybrid(x).shape == (hybrid.calculate_b_prime(), hybrid.calculate_m_prime())
    assert hybrid(x).shape == ((B, 3 * M) if kind == "attribute" else (3 * B, M))
    parts = [function(stem, B, M, kind).double().calculate_A(x) for stem in stems]
    torch.testing.assert_close(hybrid.calculate_A(x), torch.cat([dense(part) for part in parts], dim=1))
