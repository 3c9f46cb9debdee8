"""Constant, zero, equal, huge and tiny items: values and gradients stay finite, and are what they should be."""

import pytest
import torch
from torch import Tensor

from catalogue import (
    DATA_DEPENDENT,
    FUSIONS,
    LEAST_FEATURES,
    POSTPROCESSES,
    XIS,
    data,
    finite,
    function,
    fusion_of,
    sparse_matrix,
    stated_range,
    states,
)
from families.fusions import SQUARE
from hybridfuse.functional import distance

N, D = 6, 4
BOUNDED = [stem for stem in DATA_DEPENDENT if stated_range(stem)]
ONE_ON_THE_DIAGONAL = [stem for stem in DATA_DEPENDENT if states(stem, "1 on the diagonal")]
CORRELATIONS = [stem for stem in DATA_DEPENDENT if states(stem, "constant item") and stem in ONE_ON_THE_DIAGONAL]
FREE_OF_SCALE = [*(stem for stem in CORRELATIONS if stem != "hsic"), "cosine_similarity"]
HUGE = {torch.float32: (1e19, 1e30, 3e38), torch.float64: (1e150, 1e300, 1.5e308), torch.bfloat16: (1e19, 1e30, 3e38)}
TINY = {
    torch.float32: (1e-25, 1e-38, 1e-44),
    torch.float64: (1e-160, 1e-308, 1e-322),
    torch.bfloat16: (1e-25, 1e-38, 1e-40),
}


def _mixed(x: Tensor, other: Tensor) -> Tensor:
    x[1] = other
    return x


ITEMS = {
    "constant": lambda dtype: torch.full((N, D), 0.1, dtype=dtype),
    "each constant": lambda dtype: torch.linspace(-0.7, 1.1, N, dtype=dtype)[:, None].expand(N, D).clone(),
    "constant features": lambda dtype: data(1, D, dtype=dtype).expand(N, D).clone(),
    "zero": lambda dtype: torch.zeros(N, D, dtype=dtype),
    "one zero": lambda dtype: _mixed(data(N, D, dtype=dtype), torch.zeros(D, dtype=dtype)),
    "equal": lambda dtype: data(2, D, dtype=dtype).repeat(N // 2, 1),
    "opposite": lambda dtype: torch.cat([data(N // 2, D, dtype=dtype), -data(N // 2, D, dtype=dtype)]),
    "nearly equal": lambda dtype: 1.0 + torch.finfo(dtype).eps * data(N, D, dtype=dtype).round(),
    "one-hot": lambda dtype: torch.eye(N, D, dtype=dtype),
    "single": lambda dtype: data(1, D, dtype=dtype),
    "single zero": lambda dtype: torch.zeros(1, D, dtype=dtype),
    "one feature": lambda dtype: data(N, 1, dtype=dtype),
    "two features": lambda dtype: data(N, 2, dtype=dtype),
    **{f"tiny {i}": lambda dtype, i=i: (data(N, D) * TINY[dtype][i]).to(dtype) for i in range(3)},
    **{
        f"tiny {i} among others": lambda dtype, i=i: _mixed(data(N, D, dtype=dtype), (data(1, D) * TINY[dtype][i])[0])
        for i in range(3)
    },
}
HUGE_ITEMS = {
    **{
        f"huge {i}": lambda dtype, i=i: (data(N, D) / data(N, D).abs().max() * HUGE[dtype][i]).to(dtype)
        for i in range(3)
    },
    **{f"equal huge {i}": lambda dtype, i=i: torch.full((N, D), HUGE[dtype][i], dtype=dtype) for i in range(3)},
    **{
        f"huge {i} among others": lambda dtype, i=i: _mixed(
            data(N, D, dtype=dtype), (data(1, D).tanh() * HUGE[dtype][i])[0]
        )
        for i in range(3)
    },
    **{
        f"huge {i} feature": lambda dtype, i=i: _mixed(
            data(D, N, dtype=dtype), torch.full((N,), HUGE[dtype][i], dtype=dtype)
        ).T.contiguous()
        for i in range(3)
    },
}
CASES = [
    pytest.param(stem, build, dtype, id=f"{stem}-{name.replace(' ', '_')}-{str(dtype)[6:]}")
    for stem in DATA_DEPENDENT
    for name, build in {**ITEMS, **(HUGE_ITEMS if stem in BOUNDED else {})}.items()
    for dtype in HUGE
    if not (name == "one feature" and stem in LEAST_FEATURES)
]


def _built(stem: str, x: Tensor) -> torch.nn.Module:
    return function(stem, *x.shape, "instance").to(x.dtype)


@pytest.mark.parametrize(("stem", "build", "dtype"), CASES)
def test_values_and_gradients(stem: str, build, dtype: torch.dtype) -> None:
    x = build(dtype).requires_grad_()
    assert finite(x)
    xi = _built(stem, x)
    matrix = xi.calculate_A(x)
    assert finite(matrix)
    assert matrix.requires_grad == xi.differentiable
    if xi.differentiable:
        (matrix * data(*matrix.shape, seed=9, dtype=dtype)).sum().backward()
        assert finite(x.grad, *(parameter.grad for parameter in xi.parameters()))
    if stem in BOUNDED:
        low, high = stated_range(stem)
        assert matrix.min() >= low
        assert matrix.max() <= high


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_gradients_of_tiny_items_in_float16(stem: str, size: float) -> None:
    """Slopes as steep as one over an item are beyond its largest number."""
    x = (data(N, D) * size).half().requires_grad_()
    xi = _built(stem, x)
    matrix = xi.calculate_A(x)
    assert finite(matrix)
    if xi.differentiable:
        (matrix * data(*matrix.shape, seed=9, dtype=torch.float16)).sum().backward()
        assert finite(x.grad, *(parameter.grad for parameter in xi.parameters()))


@pytest.mark.parametrize("dtype", HUGE)
@pytest.mark.parametrize("name", {**ITEMS, **HUGE_ITEMS})
@pytest.mark.parametrize("stem", ONE_ON_THE_DIAGONAL)
def test_diagonal_is_exact(stem: str, name: str, dtype: torch.dtype) -> None:
    x = {**ITEMS, **HUGE_ITEMS}[name](dtype)
    x = torch.cat([x, x], dim=1) if x.shape[1] < LEAST_FEATURES.get(stem, 1) else x
    diagonal = _built(stem, x).calculate_A(x).diagonal()
    present = x.ne(0).any(dim=1) | (not states(stem, "diagonal of a zero item are 0"))
    assert torch.equal(diagonal, present.to(dtype))


@pytest.mark.parametrize("dtype", HUGE)
@pytest.mark.parametrize("value", [0.1, 1 / 3, -0.7, 1e3 + 0.1, 1e30])
@pytest.mark.parametrize("stem", CORRELATIONS)
def test_a_constant_item_correlates_with_itself_alone(stem: str, value: float, dtype: torch.dtype) -> None:
    """Also where the mean of equal numbers is not that number in floating point."""
    x = data(N, 7, dtype=dtype)
    x[2] = value
    correlation = function(stem, N, 7, "instance").calculate_A(x)
    assert torch.equal(correlation[2], torch.eye(N, dtype=dtype)[2])
    assert torch.equal(correlation[:, 2], torch.eye(N, dtype=dtype)[2])
    assert correlation[0, 1:].abs().max() > 0.05


@pytest.mark.parametrize("dtype", HUGE)
def test_a_zero_item_has_no_cosine(dtype: torch.dtype) -> None:
    x = _mixed(data(N, D, dtype=dtype), torch.zeros(D, dtype=dtype))
    cosine = function("cosine_similarity", N, D, "instance").calculate_A(x)
    assert cosine[1].eq(0).all()
    assert cosine[:, 1].eq(0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e150, 1e300])
@pytest.mark.parametrize("stem", FREE_OF_SCALE)
def test_huge_and_tiny_items_keep_their_angles(stem: str, scale: float) -> None:
    x = data(N, D) / data(N, D).abs().max()
    for dtype in (torch.float32, torch.float64):
        if torch.finfo(dtype).tiny < 1e-10 * scale and scale < torch.finfo(dtype).max:
            scaled = (x * scale).to(dtype)
            got = function(stem, N, D, "instance").calculate_A(scaled).double()
            torch.testing.assert_close(got, function(stem, N, D, "instance").calculate_A(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 1e30), (torch.float64, 1e300)])
def test_huge_distances_are_zero_similarity_and_no_distance_is_one(dtype: torch.dtype, scale: float) -> None:
    x = scale * data(3, D, dtype=dtype).tanh()
    x = torch.cat([x, x])
    for stem in ("euclidean_distance", "gaussian_rbf"):
        assert torch.equal(function(stem, N, D, "instance").calculate_A(x), torch.eye(3, dtype=dtype).repeat(2, 2))


@pytest.mark.parametrize("sigma", [1e-300, 1e-30, 1e30, 1e300])
def test_extreme_sigma(sigma: float) -> None:
    for dtype in (torch.float32, torch.float64):
        x = data(N, D, dtype=dtype).requires_grad_()
        matrix = XIS["gaussian_rbf"](N, D, "instance", sigma=sigma).calculate_A(x)
        matrix.sum().backward()
        assert finite(matrix, x.grad)
        assert torch.equal(matrix, torch.eye(N, dtype=dtype) if sigma < 1 else torch.ones(N, N, dtype=dtype))


def test_huge_distances_in_units_of_a_huge_sigma() -> None:
    x = 1e200 * data(N, D)
    got = XIS["gaussian_rbf"](N, D, "instance", sigma=1e200).calculate_A(x)
    torch.testing.assert_close(got, function("gaussian_rbf", N, D, "instance").calculate_A(data(N, D)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_themselves_are_at_most_the_largest_number(dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    x = torch.tensor([[largest], [-largest], [largest], [0.0]], dtype=dtype)
    squared = distance.squared_euclidean(x)
    apart = (x - x.T).ne(0)
    assert torch.equal(squared, torch.where(apart, x.new_full((), largest), 0.0))
    assert torch.equal(distance.squared_euclidean(x[2:], unit=1e-30), squared[2:, 2:])
    near = x * 0.25
    torch.testing.assert_close(distance.euclidean(near), (near - near.T).abs(), rtol=1e-6, atol=0)


MATRICES = {
    "ties": lambda: [torch.ones(3, 4, dtype=torch.float64)] * 4,
    "zeros": lambda: [torch.zeros(3, 4, dtype=torch.float64) for _ in range(3)],
    "one zero": lambda: [data(3, 4), torch.zeros(3, 4, dtype=torch.float64), data(3, 4, seed=1)],
    "sparse": lambda: [sparse_matrix(seed=seed).to_dense() for seed in range(3)],
    "single": lambda: [data(1, 1)],
    "huge": lambda: [1e100 * data(3, 4, seed=seed) for seed in range(3)],
    "tiny": lambda: [1e-100 * data(3, 4, seed=seed) for seed in range(3)],
}


def _square(matrix: Tensor) -> Tensor:
    return matrix[: min(matrix.shape), : min(matrix.shape)]


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("stem", FUSIONS)
def test_fusions(stem: str, name: str) -> None:
    inputs = [matrix.clone().requires_grad_() for matrix in MATRICES[name]()]
    inputs = [_square(matrix.detach()).requires_grad_() for matrix in inputs] if stem in SQUARE else inputs
    fusion = fusion_of(stem, [matrix.shape[1] for matrix in inputs]).double()
    fused = fusion(inputs)
    fused.sum().backward()
    assert finite(fused, *(matrix.grad for matrix in inputs), *(weight.grad for weight in fusion.parameters()))


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses(stem: str, name: str) -> None:
    matrix = MATRICES[name]()[-1].clone().requires_grad_()
    processed = POSTPROCESSES[stem]()(matrix)
    (processed * data(*matrix.shape, seed=5)).sum().backward()
    assert finite(processed, matrix.grad)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses_of_sparse_matrices(stem: str, scale: float) -> None:
    matrix = (scale * sparse_matrix()).float().to_sparse_csr()
    assert finite(POSTPROCESSES[stem]()(matrix))


@pytest.mark.parametrize("stem", ["softmax_row", "softmax_column"])
@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_softmax_of_large_entries(stem: str, value: float) -> None:
    for matrix in (torch.full((3, 3), value), torch.full((3, 3), value).to_sparse_csr()):
        torch.testing.assert_close(POSTPROCESSES[stem]()(matrix).to_dense(), torch.full((3, 3), 1 / 3))


@pytest.mark.parametrize(("stem", "dim"), [("row", 1), ("column", 0)])
def test_sums_that_are_zero_leave_entries_as_they_are(stem: str, dim: int) -> None:
    matrix = torch.tensor([[1.0, -1.0, 2.0], [-1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    processed = POSTPROCESSES[stem]()(matrix)
    sums = matrix.sum(dim=dim)
    kept = processed[sums == 0] if dim == 1 else processed[:, sums == 0]
    assert torch.equal(kept, matrix[sums == 0] if dim == 1 else matrix[:, sums == 0])
    torch.testing.assert_close(processed.sum(dim=dim), (sums != 0).float())
