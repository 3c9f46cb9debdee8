"""Distances by tiles, panels and blocks equal those entry by entry, and stay precise where numbers are extreme."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from catalogue import data, finite, function
from hybridfuse.functional import distance, gram, scale, tiles
from hybridfuse.functional.summary import Norms

Distance = Callable[[Tensor], Tensor]

DISTANCES: dict[str, Distance] = {
    "canberra": distance.canberra,
    "chebyshev": distance.chebyshev,
    "cityblock": distance.manhattan,
    "euclidean": distance.euclidean,
    "minkowski": lambda items: distance.minkowski(items, 1.7),
    "sqeuclidean": distance.squared_euclidean,
}
NORMS = {"chebyshev": math.inf, "cityblock": 1.0, "euclidean": 2.0, "minkowski": 1.7}
STEMS = ["chebyshev_distance", "euclidean_distance", "laplacian", "manhattan_distance", "minkowski_distance"]
NARROW = [1, 8, 40, 100, 1000]


def _oracle(name: Any, items: Tensor) -> Tensor:
    options: dict[str, Any] = {"p": 1.7} if name == "minkowski" else {}
    return torch.from_numpy(cdist(items, items, name, **options))


def _with_ties(n: int, d: int) -> Tensor:
    """Zeros, equal entries and equal items among others."""
    items = data(n, d)
    items[:, 1] = items[:, 1].round()
    items[n // 2] = items[0]
    items[1, : d // 2] = 0.0
    return items


@pytest.mark.parametrize("name", DISTANCES)
def test_any_tiles_give_the_same_distances(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    items = _with_ties(23, 7)
    for size in NARROW:
        monkeypatch.setattr(tiles, "_TILE", size)
        monkeypatch.setattr(tiles, "_SIDE", max(size // 8, 1))
        monkeypatch.setattr(gram, "_PANEL", max(size // 8, 1))
        monkeypatch.setattr(distance, "_BLOCK", size)
        got = DISTANCES[name](items)
        torch.testing.assert_close(got, _oracle(name, items), rtol=1e-11, atol=1e-11)
        assert torch.equal(got, got.T)
        assert got.diagonal().eq(0).all()


@pytest.mark.parametrize("name", DISTANCES)
def test_many_items_and_many_features(name: str) -> None:
    for n, d in [(300, 6), (1100, 2), (7, 3000), (1, 5), (2, 1)]:
        items = data(n, d)
        got = DISTANCES[name](items)
        torch.testing.assert_close(got, _oracle(name, items), rtol=1e-10, atol=1e-10)
        assert torch.equal(got, got.T)


@pytest.mark.parametrize("name", DISTANCES)
def test_any_tiles_give_the_same_gradients(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By finite differences of what is not symmetric in the pairs, and the same for second derivatives."""
    weight, items = data(4, 4, seed=1), data(4, 2).requires_grad_()
    for size in (2, 16, 100):
        monkeypatch.setattr(tiles, "_TILE", size)
        assert gradcheck(lambda items: DISTANCES[name](items) * weight, items)
        assert size > 16 or gradgradcheck(lambda items: (DISTANCES[name](items) * weight).square(), items)


@pytest.mark.parametrize("name", [*NORMS, "canberra"])
def test_gradients_where_entries_and_items_are_equal(name: str) -> None:
    """The mean of the slopes on both sides: by finite differences with the same step up and down."""
    items, step = _with_ties(8, 4).requires_grad_(), 1e-7
    items.data[items == 0] = 0.25 if name == "canberra" else 0.0
    weight = data(8, 8, seed=1)
    (gradient,) = torch.autograd.grad((DISTANCES[name](items) * weight).sum(), items)
    expected = torch.zeros_like(items)
    for k in range(items.numel()):
        moved = torch.zeros(items.numel(), dtype=items.dtype)
        moved[k] = step
        up, down = (_oracle(name, (items + sign * moved.view_as(items)).detach()) for sign in (1.0, -1.0))
        expected.view(-1)[k] = ((up - down) * weight).sum() / (2.0 * step)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5)


def test_features_that_tie_for_the_largest_difference_share_the_gradient() -> None:
    items = torch.tensor([[1.0, -2.0, 0.5, 3.0], [3.0, -4.0, 0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(distance.chebyshev(items)[0, 1], items)
    expected = torch.tensor([-1.0, 1.0, 0.0, 1.0], dtype=torch.float64) / 3.0
    torch.testing.assert_close(gradient, torch.stack([expected, -expected]))


def test_an_entry_of_zero_has_no_gradient_of_canberra() -> None:
    items = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [3.0, -1.0, -1.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(distance.canberra(items).sum(), items)
    assert gradient[items == 0].eq(0).all()


@pytest.mark.parametrize("name", sorted(DISTANCES.keys() - {"euclidean", "sqeuclidean"}))
def test_any_number_of_threads_gives_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In values and in gradients, in inference mode, too.

    Of distances that are computed tile by tile: a product of matrices promises no such thing on all processors.
    """
    monkeypatch.setattr(tiles, "_TILE", 1 << 16)  # more than torch gives to one thread
    items, before, got = _with_ties(40, 1100).requires_grad_(), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            distances = DISTANCES[name](items)
            (first,) = torch.autograd.grad(distances.square().sum(), items, create_graph=True)
            (second,) = torch.autograd.grad(first.square().sum(), items)
            with torch.inference_mode():
                got.append([distances, first, second, DISTANCES[name](items)])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for others in got[1:] for one, other in zip(got[0], others, strict=True))


@pytest.mark.parametrize("name", DISTANCES)
def test_memory_does_not_grow_with_pairs_times_features(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n, d = 60, 50

    class Largest(TorchDispatchMode):
        numel = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            several = made if isinstance(made, (list, tuple)) else [made]
            tensors = [tensor for tensor in several if isinstance(tensor, Tensor)]
            self.numel = max([self.numel, *(tensor.untyped_storage().size() // 8 for tensor in tensors)])
            return made

    monkeypatch.setattr(tiles, "_TILE", 1000)
    monkeypatch.setattr(distance, "_BLOCK", 1000)
    items = torch.cat([data(n // 2, d), 100.0 + 1e-3 * data(n // 2, d, seed=1)]).requires_grad_()
    with Largest() as largest:
        (gradient,) = torch.autograd.grad(DISTANCES[name](items).sum(), items, create_graph=True)
        gradient.sum().backward()
    assert n * n <= largest.numel <= n * n + 2 * n * d


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("outlier", [1e20, 1e37])
def test_a_huge_item_leaves_the_distances_of_others_precise(name: str, outlier: float) -> None:
    items = data(12, 5, dtype=torch.float32)
    items[3] = outlier * items[3].sign()
    kept = [i for i in range(12) if i != 3]
    items.requires_grad_()
    distances = DISTANCES[name](items)
    expected = _oracle(name, items.detach().double())
    torch.testing.assert_close(distances.double(), expected, rtol=1e-5, atol=1e-6)
    (gradient,) = torch.autograd.grad((-distances).exp().sum(), items)
    alone = items.detach()[kept].double().requires_grad_()
    (of_alone,) = torch.autograd.grad((-DISTANCES[name](alone)).exp().sum(), alone)
    torch.testing.assert_close(gradient[kept].double(), of_alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 1e30), (torch.float64, 1e300), (torch.float32, 3e38)])
@pytest.mark.parametrize("stem", STEMS)
def test_huge_distances_are_zero_similarity_and_no_distance_is_one(stem: str, dtype: torch.dtype, scale: float) -> None:
    x = torch.cat([data(3, 4, dtype=dtype).sign() * torch.tensor([[1.0], [0.5], [-1.0]], dtype=dtype)] * 2) * scale
    x.requires_grad_()
    matrix = function(stem, 6, 4, "instance").calculate_A(x)
    assert torch.equal(matrix, torch.eye(3, dtype=dtype).repeat(2, 2))
    (gradient,) = torch.autograd.grad(matrix.sum(), x)
    assert gradient.eq(0).all()


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 1e-30), (torch.float64, 1e-300)])
@pytest.mark.parametrize("name", NORMS)
def test_tiny_distances_are_precise(name: str, dtype: torch.dtype, scale: float) -> None:
    items = data(5, 4)
    got = DISTANCES[name]((items * scale).to(dtype)).double() / scale
    torch.testing.assert_close(got, _oracle(name, items), rtol=1e-5, atol=1e-6)


def _by_logarithms(items: Tensor, order: float) -> Tensor:
    """Distances whose powers neither vanish nor overflow."""
    apart = (items[:, None] - items[None]).abs().double()
    return (order * apart.log()).logsumexp(dim=-1).div(order).exp()


@pytest.mark.parametrize("order", [1e-3, 0.05, 0.5, 1.5, 3.0, 50.0, 1e4])
def test_extreme_orders(order: float) -> None:
    """By logarithms, term by term; beyond the largest number, the similarity is 0."""
    for dtype in (torch.float32, torch.float64):
        items = (data(5, 4) * 3.0).to(dtype)
        items[1] = items[0]
        items[2, 1:] = items[3, 1:]
        expected = _by_logarithms(items, order)
        items.requires_grad_()
        matrix = torch.exp(-distance.minkowski(items, order))
        torch.testing.assert_close(matrix.double(), (-expected).exp(), rtol=1e-4, atol=1e-4 if order < 0.01 else 1e-6)
        (gradient,) = torch.autograd.grad(matrix.sum(), items)
        assert finite(gradient)


@pytest.mark.parametrize("order", [0.5, 1.5, 2.5, 3.0, 3.3, 4.0, 6.0, 7.0, 7.5, 13.0, 64.0, 70.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_orders_of_items_of_any_magnitude(order: float, dtype: torch.dtype) -> None:
    """Items whose powers would vanish beside those of others keep their precision, in any tile."""
    items = data(11, 5, seed=2).to(dtype)
    items[:3] *= torch.finfo(dtype).tiny ** 0.4
    items[3:5] *= torch.finfo(dtype).max ** 0.4
    items[10] = items[9]
    rtol = 1e-4 if dtype == torch.float32 else 1e-11
    torch.testing.assert_close(
        distance.minkowski(items, order).double(), _by_logarithms(items, order), rtol=rtol, atol=0.0
    )


@pytest.mark.parametrize("order", [0.3, 1.0, 2.0, 3.7, math.inf])
def test_norms_of_parts_merge(order: float) -> None:
    parts = [data(4, 4, seed=seed).abs() for seed in range(3)]
    parts[0][1], parts[1][1], parts[2][2] = 0.0, 0.0, 0.0
    got = Norms(parts[0], order).merge(Norms(parts[1], order)).merge(Norms(parts[2], order))
    torch.testing.assert_close(got.norm, torch.linalg.vector_norm(torch.stack(parts), order, dim=0))
    assert got.order == order
    huge = Norms(1e200 * parts[0], order).merge(Norms(1e200 * parts[1], order))
    torch.testing.assert_close(huge.norm / 1e200, Norms(parts[0], order).merge(Norms(parts[1], order)).norm)


def test_canberra_is_free_of_the_unit_of_each_feature() -> None:
    items = _with_ties(9, 6)
    for dtype, units in [(torch.float32, [1e-36, 1e-20, 1.0, 1e10, 1e30, 5e37]), (torch.float64, [10.0**300] * 6)]:
        scaled = (items.float().double() * torch.tensor(units, dtype=torch.float64)).to(dtype)
        torch.testing.assert_close(distance.canberra(scaled).double(), _oracle("canberra", items), rtol=1e-5, atol=1e-6)


def test_canberra_of_opposite_largest_numbers() -> None:
    largest = torch.finfo(torch.float32).max
    items = torch.tensor([[largest, largest], [-largest, largest], [largest / 2, 0.0]])
    expected = torch.tensor([[0.0, 1.0, 4.0 / 3.0], [1.0, 0.0, 2.0], [4.0 / 3.0, 2.0, 0.0]])
    torch.testing.assert_close(distance.canberra(items), expected)


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 0.3, 1.0, 1e30, 1e300])
def test_manhattan_distances_in_a_unit(unit: float) -> None:
    for dtype in (torch.float32, torch.float64):
        items = data(5, 3, dtype=dtype)
        items[1] = items[0]
        items.requires_grad_()
        got, largest = distance.manhattan(items, unit), torch.finfo(dtype).max
        expected = (_oracle("cityblock", items.detach().double()) / unit).clamp(max=largest).to(dtype)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=0)
        (gradient,) = torch.autograd.grad((-got).exp().sum(), items)
        assert finite(got, gradient)


@pytest.mark.parametrize("unit", [1e-300, 1e-25, 1e-9, 0.3, 1.0, 7.0, 1e9, 1e25, 1e300])
def test_squared_distances_in_a_unit(unit: float) -> None:
    """Also where items have a common offset, or one of them is far away."""
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-10)):
        largest = torch.finfo(dtype).max
        for items in (data(150, 3), 100.0 + data(4, 3), torch.cat([data(4, 3), torch.full((1, 3), 1e12)])):
            given = items.to(dtype).requires_grad_()
            got = distance.squared_euclidean(given, unit)
            expected = (_oracle("euclidean", given.detach().double()) / unit).square().clamp(max=largest).to(dtype)
            torch.testing.assert_close(got, expected, rtol=tolerance, atol=0)
            (gradient,) = torch.autograd.grad((-got).exp().sum(), given)
            assert finite(got, gradient)


def test_items_of_unknown_numbers_are_taken_as_they_are() -> None:
    for items in (torch.empty(3, 2, device="meta"), torch.empty(0, 2)):
        assert scale.common_unit(items) == 1
        assert math.isnan(scale.number(items.sum())) == (items.device.type == "meta")
