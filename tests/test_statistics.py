"""Statistical dependence where the oracle's few ordinary numbers do not reach: blocks, precision, ties, limits."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.covariance import ledoit_wolf
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from catalogue import data, finite, function
from hybridfuse.functional import dependence, lag, rank, shrinkage, statistic
from hybridfuse.functional.summary import FourthMoments

PAIRS = [("distance_correlation", {}), ("hsic", {}), ("hsic", {"sigma": "median"}), ("hsic", {"learnable": True})]


def _matrix(stem: str, x: Tensor, **given: object) -> Tensor:
    return function(stem, *x.shape, "instance", **given).to(x.dtype).calculate_A(x)


@pytest.mark.parametrize("block", [1, 5, 12, 13])
def test_ranks_are_taken_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank, "_BLOCK", block)
    x = data(7, 5).round()
    for items in (x, data(5, 7).round().T):
        np.testing.assert_array_equal(rank.average(items).numpy(), rankdata(items.numpy(), axis=1))


@pytest.mark.parametrize(("stem", "given"), PAIRS)
@pytest.mark.parametrize("rows", [1, 3, 7, 8])
def test_blocks_give_what_the_whole_gives(
    stem: str, given: dict[str, object], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, with a gradient and without, and the gradients of items and sigma."""
    x, slopes = data(5, 8).requires_grad_(), data(5, 5, seed=1)
    xi = function(stem, 5, 8, "instance", **given).double()
    wanted = [x, *xi.parameters()]
    whole = xi.calculate_A(x)
    expected = torch.autograd.grad((whole * slopes).sum(), wanted)
    monkeypatch.setattr(dependence, "_BLOCK", rows * x.numel())
    blocks = xi.calculate_A(x)
    torch.testing.assert_close(blocks, whole, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(xi.calculate_A(x.detach()), whole.detach(), rtol=1e-12, atol=1e-13)
    gradients = torch.autograd.grad((blocks * slopes).sum(), wanted)
    torch.testing.assert_close(gradients, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stem", ["distance_correlation", "hsic"])
def test_blocks_are_differentiable_twice(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependence, "_BLOCK", 1)
    xi = function(stem, 3, 4, "instance")
    assert gradcheck(xi.calculate_A, data(3, 4).requires_grad_())
    assert gradgradcheck(xi.calculate_A, data(3, 4).requires_grad_())


@pytest.mark.parametrize("stem", ["distance_correlation", "hsic"])
def test_blocks_keep_little_for_the_gradient(stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more numbers than a few matrices and blocks, where all pairs of features of all items are 8 million."""
    monkeypatch.setattr(dependence, "_BLOCK", 1 << 14)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // tensor.element_size()
        return tensor

    x = data(8, 1024, dtype=torch.float32).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _matrix(stem, x)
    assert sum(kept.values()) < 40 * x.numel()


@pytest.mark.parametrize("stem", ["pearson_correlation", "rv_coefficient", "mutual_information", "partial_correlation"])
def test_rows_may_come_one_by_one_but_must_be_two(stem: str) -> None:
    x, xi = data(2, 3), function(stem, 8, 3)
    with pytest.raises(ValueError, match=f"^{stem} needs at least 2 observations of an item, got 1"):
        xi.fit_reference([x[:1]])
    xi.fit_reference(x.split(1))
    torch.testing.assert_close(xi.calculate_A(x[:1]), function(stem, 2, 3).calculate_A(x))


# distance correlation


def test_items_that_are_linear_in_each_other_have_distance_correlation_1() -> None:
    x = data(1, 9)
    x = torch.cat([x, 3.0 * x + 1.0, -0.5 * x])
    torch.testing.assert_close(_matrix("distance_correlation", x), torch.ones(3, 3, dtype=x.dtype))


def test_independent_items_have_distance_correlation_0_and_no_gradient_of_it() -> None:
    """Two features crossed: every combination as often as any other."""
    x = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]]).requires_grad_()
    matrix = _matrix("distance_correlation", x)
    assert matrix[0, 1] == 0
    (gradient,) = torch.autograd.grad(matrix.sum(), x)
    assert gradient.eq(0).all()


@pytest.mark.parametrize(("stem", "given"), [("distance_correlation", {}), ("hsic", {"sigma": "median"})])
def test_a_circle_is_a_dependence_without_correlation(stem: str, given: dict[str, object]) -> None:
    angles = torch.arange(40, dtype=torch.float64) * (2.0 * math.pi / 40)
    x = torch.stack([angles.cos(), angles.sin(), data(1, 40, seed=5)[0]])
    matrix = _matrix(stem, x, **given)
    assert _matrix("pearson_correlation", x)[0, 1].abs() < 1e-12
    assert 0.05 < matrix[0, 1] < 0.5


def test_mean_distances_of_equal_features() -> None:
    for x in (data(4, 7), data(4, 7).round(), torch.zeros(2, 5, dtype=torch.float64)):
        x = x.requires_grad_()
        got, expected = rank.mean_distance(x), (x[:, :, None] - x[:, None]).abs().mean(dim=2)
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)
        slopes = data(*x.shape, seed=2)
        gradients = [torch.autograd.grad((output * slopes).sum(), x)[0] for output in (got, expected)]
        torch.testing.assert_close(*gradients, rtol=1e-13, atol=1e-13)


# hsic


def test_a_wide_kernel_sees_the_linear_correlation_alone() -> None:
    for dtype in (torch.float32, torch.float64):
        x = data(4, 30, dtype=dtype)
        squared = torch.from_numpy(np.corrcoef(x.double().numpy()) ** 2)
        for sigma in (1e3, 1e30, 1e300):
            torch.testing.assert_close(_matrix("hsic", x, sigma=sigma).double(), squared, rtol=1e-4, atol=1e-5)


def test_a_narrow_kernel_sees_equal_features_alone() -> None:
    for dtype in (torch.float32, torch.float64):
        for sigma in (1e-30, 1e-300):
            matrix = _matrix("hsic", data(4, 30, dtype=dtype).requires_grad_(), sigma=sigma, learnable=True)
            torch.testing.assert_close(matrix, torch.ones(4, 4, dtype=dtype))
            matrix.sum().backward()


def test_a_feature_far_away_costs_the_others_no_precision() -> None:
    x = data(4, 30, dtype=torch.float32)
    x[:, 0] = 1e6
    torch.testing.assert_close(_matrix("hsic", x).double(), _matrix("hsic", x.double()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [2, 3, 4, 5, 8, 13])
def test_medians_of_distances(d: int, dtype: torch.dtype) -> None:
    """Of many equal ones, of a few, of none, of some far away; 1 of a constant item."""
    x = torch.cat([data(20, d), data(20, d, seed=1).round(), data(20, d, seed=2).sign(), data(9, d) ** 9]).to(dtype)
    x = torch.cat([x, 1e4 + x, x.new_full((1, d), 0.1)])
    for row, got in zip(x, rank.median_distance(x)[:, 0], strict=True):
        apart = [abs(a - b) for a, b in itertools.combinations(row.double().tolist(), 2) if a != b]
        tolerance = torch.finfo(dtype).eps * row.abs().max().item()
        assert got.item() == pytest.approx(np.median(apart) if apart else 1.0, rel=1e-6, abs=2 * tolerance)


def test_the_median_is_that_of_each_item() -> None:
    x = data(4, 12)
    scaled = x * torch.tensor([[1.0], [1e-3], [50.0], [-7.0]], dtype=x.dtype) + 3.0
    torch.testing.assert_close(_matrix("hsic", scaled, sigma="median"), _matrix("hsic", x, sigma="median"))


# ranks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_features_share_the_mean_of_their_ranks(dtype: torch.dtype) -> None:
    x = torch.cat([data(5, 40).round(), data(5, 40, seed=1).sign(), torch.zeros(1, 40), data(3, 40)]).to(dtype)
    assert torch.equal(rank.average(x).double(), torch.from_numpy(rankdata(x.numpy(), axis=1)))
    assert torch.equal(rank.average(x.T.contiguous().T), rank.average(x))
    matrix = _matrix("spearman_correlation", x[:10])
    expected = torch.from_numpy(spearmanr(x[:10].numpy(), axis=1).statistic)
    torch.testing.assert_close(matrix.double(), expected, rtol=0, atol=10 * torch.finfo(dtype).eps)


def test_ranks_are_those_of_any_increasing_function() -> None:
    x = data(4, 11)
    assert torch.equal(_matrix("spearman_correlation", x.exp()), _matrix("spearman_correlation", x))


def test_ranks_have_no_gradient() -> None:
    assert not _matrix("spearman_correlation", data(4, 11).requires_grad_()).requires_grad


# partial correlation


def _expected(x: Tensor) -> Tensor:
    precision = np.linalg.inv(ledoit_wolf(x.T.numpy())[0])
    roots = np.sqrt(precision.diagonal())
    return torch.from_numpy(2.0 * np.eye(len(x)) - precision / np.outer(roots, roots))


@pytest.mark.parametrize(("n", "d"), [(3, 200), (12, 13), (12, 12), (12, 11), (40, 9), (40, 3), (2, 3), (1, 5)])
def test_partial_correlation_of_more_and_fewer_features_than_items(n: int, d: int) -> None:
    mixed = data(n, n, seed=1) @ data(n, d) + 5.0
    got = _matrix("partial_correlation", mixed)
    torch.testing.assert_close(got, _expected(mixed) if n > 1 else torch.ones_like(got), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(got, shrinkage.partial_correlation_of_moments(FourthMoments.of(mixed)))
    torch.testing.assert_close(_matrix("partial_correlation", -1.0 - mixed.abs().amax() - mixed), got)
    assert gradcheck(lambda x: _matrix("partial_correlation", x), mixed[:4, :6].requires_grad_())


def test_what_a_third_item_explains_is_left_out() -> None:
    common, noise = data(1, 4000), data(2, 4000, seed=1)
    x = torch.cat([common + noise, common])
    assert _matrix("pearson_correlation", x)[0, 1] > 0.4
    assert _matrix("partial_correlation", x)[0, 1].abs() < 0.05


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_covariance_of_one_direction_has_a_limit(n: int, dtype: torch.dtype) -> None:
    """Observations that are one vector, with either sign, give a shrinkage of 0: the limit from above is taken."""
    direction = data(n, 1).abs() + 0.5
    x = direction * torch.tensor([[1.0, -1.0, 1.0, -1.0]], dtype=torch.float64)
    squared = direction.square()
    left = (squared.sum() - squared).sqrt()
    expected = (direction @ direction.T / (left @ left.T)).fill_diagonal_(1.0)
    for observations in (x, x[:, :2]):
        items = observations.to(dtype).requires_grad_()
        got = _matrix("partial_correlation", items)
        torch.testing.assert_close(got.detach().double(), expected, rtol=1e-4, atol=1e-4)
        got.sum().backward()
        assert finite(items.grad)


def test_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    for n, d in ((5, 4), (5, 40), (3, 500)):
        x = data(n, n, seed=3) @ data(n, d) + 2.0
        moments = FourthMoments.of(x)
        trace, squared = moments.products.trace(), moments.products.square().sum()
        share, unit = shrinkage.shrinkage(trace, squared, moments.quartic, n, d)
        covariance, expected = ledoit_wolf(x.T.numpy())
        assert share.item() == pytest.approx(expected, rel=1e-10)
        assert (unit * moments.magnitude**2 / d).item() == pytest.approx(np.trace(covariance) / n, rel=1e-10)


def test_nothing_that_varies_is_wholly_shrunk() -> None:
    share, unit = shrinkage.shrinkage(torch.zeros(()), torch.zeros(()), torch.zeros(()), 3, 5)
    assert share == 1
    assert torch.isfinite(unit)
    assert unit > 0


# cross-correlation


def test_an_item_that_is_late_is_found_at_its_lag() -> None:
    pulse = torch.zeros(30, dtype=torch.float64)
    pulse[10:14] = torch.tensor([1.0, 3.0, -2.0, 1.0], dtype=torch.float64)
    x = torch.stack([pulse, pulse.roll(2), pulse.roll(5)])
    by_lags = [_matrix("cross_correlation", x, lags=lags) for lags in range(7)]
    assert by_lags[1][0, 1] < 0.5 < 0.99 < by_lags[2][0, 1]
    assert by_lags[4][0, 2] < 0.5 < 0.99 < by_lags[5][2, 0]
    assert by_lags[2][1, 2] < 0.5 < 0.99 < by_lags[3][1, 2]
    for fewer, more in itertools.pairwise(by_lags):
        assert (more >= fewer).all()


def test_the_gradient_is_that_of_the_best_lag() -> None:
    x = data(6, 9).requires_grad_()
    xi = function("cross_correlation", 6, 9, "instance", lags=8)
    assert (xi.calculate_A(x) > _matrix("pearson_correlation", x) + 1e-9).any()
    assert gradcheck(xi.calculate_A, x)
    assert gradgradcheck(xi.calculate_A, x)


def test_of_lags_that_are_as_good_the_smallest_has_the_gradient() -> None:
    items = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    largest = lag.largest_product(items, 2)
    assert largest[0, 1] == 1
    assert torch.equal(torch.autograd.grad(largest[0, 1], items)[0], items.detach().flip(0))


# mutual information


@pytest.mark.parametrize("noise", [1e-1, 1e-2, 1e-3, 4e-4])
def test_mutual_information_of_nearly_linear_items_in_float32(noise: float) -> None:
    """1 − ρ² of the float32 numbers, by float64; their gradients, too."""
    z = data(1, 300)
    x = torch.cat([z, 2.0 - 5e3 * (z + noise * data(1, 300, seed=1)), data(1, 300, seed=2)]).float()
    entries, gradients = [], []
    for items in (x.clone().requires_grad_(), x.double().requires_grad_()):
        entry = _matrix("mutual_information", items)[0, 1]
        entries.append(entry.item())
        gradients += torch.autograd.grad(entry, items)
    exact = x.double() - x.double().mean(dim=1, keepdim=True)
    exact = exact / exact.norm(dim=1, keepdim=True)
    apart = (exact[0] + exact[1]).square().sum().item()
    assert entries[0] == pytest.approx(-0.5 * math.log(apart * (1.0 - apart / 4.0)), rel=2e-5)
    assert entries[1] == pytest.approx(entries[0], rel=2e-5)
    assert (gradients[0] - gradients[1]).norm() < 2e-3 * gradients[1].norm()


@pytest.mark.parametrize("angle", [0.099, 0.05, 1e-3, 1e-6, math.pi - 0.05, math.pi - 1e-4])
def test_mutual_information_of_items_at_a_small_angle(angle: float) -> None:
    """1 − ρ² is the square of its sine, of which rounding of ρ² leaves nothing; the two ways to it agree."""
    one, other = torch.linalg.qr(data(40, 2) - data(40, 2).mean(dim=0)).Q.T
    items = torch.stack([one, math.cos(angle) * one + math.sin(angle) * other])
    assert math.isclose(_matrix("mutual_information", items)[0, 1].item(), -math.log(math.sin(angle)), rel_tol=1e-8)
    whole = statistic._unexplained(torch.tensor([[1.0, math.cos(angle)], [math.cos(angle), 1.0]]).double(), items)
    assert math.isclose(whole[0, 1].item(), math.sin(angle) ** 2, rel_tol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_item_diverges_from_itself_by_nothing(dtype: torch.dtype) -> None:
    assert not _matrix("kl_divergence", data(30, 17).to(dtype)).diagonal().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mutual_information_of_linear_items_is_the_largest(dtype: torch.dtype) -> None:
    x = data(1, 20, dtype=dtype)
    x = torch.cat([x, x, -x, 4.0 * x, torch.ones_like(x)]).requires_grad_()
    matrix = _matrix("mutual_information", x)
    largest = -0.5 * math.log(torch.finfo(dtype).eps)
    torch.testing.assert_close(matrix[:4, :4], torch.full((4, 4), largest, dtype=dtype))
    assert torch.equal(matrix[4], matrix[4, 4] * torch.eye(5, dtype=dtype)[4])
    assert matrix[4, 4].item() == pytest.approx(largest)
    matrix.sum().backward()
    assert x.grad.eq(0).all()


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 3e38), (torch.float64, 1.5e308), (torch.float32, 1e-30)])
def test_mutual_information_of_huge_and_tiny_numbers(dtype: torch.dtype, scale: float) -> None:
    x = data(5, 9) / data(5, 9).abs().max()
    scaled = (x * scale).to(dtype).requires_grad_()
    matrix = _matrix("mutual_information", scaled)
    expected = _matrix("mutual_information", x)
    torch.testing.assert_close(matrix.double().triu(1), expected.triu(1), rtol=1e-4, atol=1e-6)
    matrix.sum().backward()
    assert finite(scaled.grad)


# kl divergence


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e3, 1e30, None])
def test_divergence_of_huge_numbers_is_finite(scale: float | None, dtype: torch.dtype) -> None:
    scale = torch.finfo(dtype).max if scale is None else scale
    x = (data(5, 4).tanh() * scale).to(dtype).requires_grad_()
    matrix = _matrix("kl_divergence", x)
    (matrix * data(5, 5, seed=1, dtype=dtype)).sum().backward()
    assert finite(matrix, x.grad)
    assert matrix.min() >= 0
    assert matrix.max() > 0.01 * min(scale, torch.finfo(dtype).max * 2.0**-24)


def test_divergence_is_exactly_0_on_the_diagonal_and_of_equal_items() -> None:
    x = torch.cat([data(3, 50, dtype=torch.float32)] * 2 + [torch.full((1, 50), 7.0)] * 2)
    matrix = _matrix("kl_divergence", x)
    assert matrix.diagonal().eq(0).all()
    assert matrix[:3, 3:6].diagonal().abs().max() < 1e-6
    assert matrix[6, 7] < 1e-6
    assert (matrix - matrix.T).abs().max() > 0.1
