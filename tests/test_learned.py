"""Learned functions: what is cheap is equal and stays small, and a network learns with each reconciliation."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from catalogue import RECONCILIATIONS, XIS, data, flat, function
from families.learned import RECONCILIATION_ORACLES
from hybridfuse import targets
from hybridfuse.functional import attention, reconcile
from hybridfuse.interdependence.base import TYPES, Interdependence
from hybridfuse.model.remainder.zero import Zero
from hybridfuse.model.rpn import Rpn
from hybridfuse.model.rpn_layer import RpnLayer
from hybridfuse.model.transformation.base import Transformation
from hybridfuse.model.transformation.identity import Identity
from hybridfuse.reconciliation import kronecker_base
from hybridfuse.reconciliation.base import Reconciliation

LEARNED = [stem for stem in XIS if stem.startswith(("parameterized", "bilinear"))]
RPN = "parameterized_rpn"
KRONECKER = [stem for stem, cls in RECONCILIATIONS.items() if issubclass(cls, kronecker_base.KroneckerBase)]


class Twice(Transformation):
    """A transformation of another width: an item, and its squares."""

    @property
    def width(self) -> int:
        return 2 * self.m

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.square()], dim=1)


class Made(TorchDispatchMode):
    """Shapes of the tensors that are made, other than views of what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[tuple[int, ...]] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {arg.untyped_storage().data_ptr() for arg in args if isinstance(arg, Tensor)}
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in given:
                self.shapes.add(tuple(tensor.shape))
        return result

    @property
    def largest(self) -> int:
        return max(map(math.prod, self.shapes))


@pytest.fixture
def always_structured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ψ is so small that it is built."""
    monkeypatch.setattr(kronecker_base, "SMALL", 0)


def _of(stem: str, rows: int = 6, columns: int = 8, **given: Any) -> Reconciliation:
    torch.manual_seed(0)
    return RECONCILIATIONS[stem](rows, columns, **given).double()


def _orders(matrix: Tensor) -> list[Tensor]:
    """The same matrix by rows, by columns, and as a part of another."""
    rows, columns = matrix.shape
    part = torch.zeros(2 * rows, 3 * columns, dtype=matrix.dtype)
    part[::2, 1::3] = matrix
    return [matrix, matrix.mT.contiguous().mT, part[::2, 1::3]]


# reconciliations


@pytest.mark.usefixtures("always_structured")
@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_products_with_a_reconciliation(stem: str) -> None:
    for given, _ in RECONCILIATION_ORACLES[stem]:
        psi = _of(stem, **given)
        built = psi().detach()
        for width in (1, 5, 30):
            for left in _orders(data(width, 6)):
                torch.testing.assert_close(psi.between([left]), left @ built)
                for right in _orders(data(8, 7, seed=1)):
                    torch.testing.assert_close(psi.between([left], [right]), left @ built @ right)
                    torch.testing.assert_close(psi.between(right=[right, right.mT]), built @ right @ right.mT)
            for x in _orders(data(width, 8, seed=2)):
                bias = data(1, 6, seed=3)[0]
                torch.testing.assert_close(psi.linear(x, bias), x @ built.mT + bias)
                torch.testing.assert_close(psi.linear(x, None), x @ built.mT)


@pytest.mark.parametrize("stem", KRONECKER)
def test_a_large_kronecker_product_is_never_built(stem: str) -> None:
    psi = RECONCILIATIONS[stem](480, 600)
    x, z = data(10, 600, dtype=torch.float32), data(480, 10, dtype=torch.float32)
    with Made() as made:
        mapped, back = psi.linear(x, None), psi.between([z.mT])
    assert made.largest <= 600 * 25
    torch.testing.assert_close(mapped, x @ psi().mT, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(back, z.mT @ psi(), rtol=1e-4, atol=1e-4)


def test_a_small_kronecker_product_is_built() -> None:
    psi, x = RECONCILIATIONS["hm"](64, 256), data(2, 256, dtype=torch.float32)
    with Made() as made:
        psi.linear(x, None)
    assert made.largest == 64 * 256


@pytest.mark.parametrize(("size", "middle"), [(1, 1), (2, 1), (6, 2), (10, 2), (12, 3), (13, 1), (64, 8), (256, 16)])
def test_the_middle_divisor(size: int, middle: int) -> None:
    assert reconcile.middle_divisor(size) == middle
    assert reconcile.divisors(size) == [divisor for divisor in range(1, size + 1) if size % divisor == 0]


@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_a_layer_maps_by_its_reconciliation(stem: str) -> None:
    psi = _of(stem, 10, 6)
    layer = RpnLayer(Identity(6), psi, Zero(6, 10)).double()
    layer.bias.data.normal_()
    x = data(4, 6)
    torch.testing.assert_close(layer(x), x @ psi().mT + layer.bias)


@pytest.mark.parametrize("stem", RECONCILIATIONS)
def test_a_network_of_any_widths_learns(stem: str) -> None:
    """10 classes and prime widths among them: by default every factor divides."""
    torch.manual_seed(0)
    parts = {
        "transformation": {"_target_": "hybridfuse.model.transformation.identity.Identity"},
        "reconciliation": {"_target_": f"hybridfuse.reconciliation.{RECONCILIATIONS[stem].__name__}"},
        "remainder": {"_target_": "hybridfuse.model.remainder.zero.Zero"},
        "activation": {"_target_": "torch.nn.Tanh"},
    }
    network = Rpn(16, 13, 10, **parts, hidden=(256, 7), dropout=0.0)
    x, labels = data(16, 13, dtype=torch.float32), torch.arange(16) % 3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


# parameterized and bilinear functions


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", LEARNED)
@pytest.mark.parametrize(("items", "features"), [(30, 4), (4, 30)])
@pytest.mark.parametrize("structured", [False, True])
def test_products_for_few_and_for_many_items(
    stem: str, items: int, features: int, kind: str, structured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if structured:
        monkeypatch.setattr(kronecker_base, "SMALL", 0)
    b, m = (features, items) if kind == "attribute" else (items, features)
    xi, x = function(stem, b, m, kind).double(), data(b, m)
    for width in (1, 12, 60):
        kappa = data(items, width, seed=1)
        expected = Interdependence.transform(xi, xi.items_of(x), kappa)
        torch.testing.assert_close(xi.transform(xi.items_of(x), kappa), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [stem for stem in LEARNED if stem not in ("bilinear", "parameterized", RPN)])
def test_neither_the_matrix_nor_the_form_is_built(stem: str, kind: str) -> None:
    b, m = (200, 300) if kind == "attribute" else (300, 200)
    xi, x = function(stem, b, m, kind), data(b, m, dtype=torch.float32)
    kappa_x = data(8, m, dtype=torch.float32) if kind == "attribute" else data(b, 8, dtype=torch.float32)
    with Made() as made:
        xi(x, kappa_x).sum().backward()
    assert made.largest <= 300 * 8


@pytest.mark.parametrize(("width", "narrower"), [(5, 5), (29, 29), (31, 30), (500, 30)])
def test_a_kronecker_product_meets_the_narrower_side(
    width: int, narrower: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few columns of κ(X), or few items."""
    monkeypatch.setattr(kronecker_base, "SMALL", 0)
    met, times = [], reconcile.kronecker_times
    monkeypatch.setattr(reconcile, "kronecker_times", lambda *given: met.append(given[2].shape[1]) or times(*given))
    function("bilinear_hm", 30, 20, "instance")(data(30, 20).float(), data(30, width).float())
    assert met == [narrower]


@pytest.mark.parametrize("stem", ["bilinear", "bilinear_hm", RPN])
def test_many_items_are_not_related_one_by_one(stem: str) -> None:
    xi, x = function(stem, 300, 20, "instance", **({"p": 300} if stem == RPN else {})), data(300, 20)
    with Made() as made:
        xi(x.float())
    assert made.largest <= 300 * 20


@pytest.mark.parametrize("stem", ["bilinear", "bilinear_lowrank", "bilinear_random_matrix"])
def test_few_items_are_related_one_by_one(stem: str) -> None:
    """Where items have more features than there are items, and κ(X) more columns still, A is what is cheapest."""
    xi, x, kappa = function(stem, 3, 100, "instance"), data(3, 100), data(3, 500)
    with Made() as made:
        xi.double()(x, kappa)
    assert (3, 3) in made.shapes


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [*LEARNED, "attention"])
def test_data_of_two_dtypes_and_mixed_precision(stem: str, kind: str) -> None:
    xi, x = function(stem, 6, 5, kind), data(6, 5, dtype=torch.float32)
    exact = xi.double()(x.double())
    xi.float()
    for kappa_x in (x.double(), x.bfloat16()):
        got = xi(x, kappa_x)
        assert got.dtype == kappa_x.dtype
        torch.testing.assert_close(got.double(), exact, rtol=0.05, atol=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(xi(x).double(), exact, rtol=0.05, atol=0.1)


def test_rpn_of_another_transformation_and_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = {"_target_": f"{__name__}.Twice"}
    monkeypatch.setattr(targets, "_added", [__name__])
    torch.manual_seed(0)
    drawn = []
    for _ in range(100):
        xi = XIS[RPN](9, 20, "instance", transformation=twice)
        x = data(9, 20, dtype=torch.float32)
        drawn.append(xi.calculate_A(x).detach())
        expected = torch.cat([x, x.square()], dim=1) @ flat(xi).reshape(9, 40).mT
        torch.testing.assert_close(drawn[-1], expected)
        torch.testing.assert_close(xi(x), expected.mT @ x)
    # Entries of κ have mean square (1 + 3) / 2.
    assert torch.stack(drawn).std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.1)


def test_rpn_of_given_columns_takes_any_number_of_instances() -> None:
    xi = XIS[RPN](9, 4, "instance", p=3)
    assert xi(data(5, 4, dtype=torch.float32)).shape == (3, 4)
    with pytest.raises(ValueError, match="parameters for 9 rows a batch, got 5; use axis=instance, or batches of one"):
        XIS[RPN](9, 4, p=3)(data(5, 4, dtype=torch.float32))


def test_rpn_takes_the_spread_that_its_reconciliation_states() -> None:
    for config in (
        {"_target_": "hybridfuse.reconciliation.Full", "std": 5.0},
        {"function_class": "hybridfuse.reconciliation.Full", "function_parameters": {"std": 5.0}},
    ):
        xi = XIS[RPN](30, 40, reconciliation=config)
        assert xi.reconciliation.std == 5.0
        assert flat(xi).std().item() == pytest.approx(5.0, rel=0.1)


# attention


def _in_blocks(monkeypatch: pytest.MonkeyPatch, rows: int, items: int, heads: int) -> None:
    monkeypatch.setattr(attention, "BLOCK", rows * items * heads)


@pytest.mark.parametrize("rows", [1, 2, 5, 6, 7, 100])
@pytest.mark.parametrize("heads", [1, 3])
def test_attention_some_rows_at_a_time(rows: int, heads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _in_blocks(monkeypatch, rows, 7, heads)
    xi, x = function("attention", 7, 4, "instance", heads=heads, width=3).double(), data(7, 4).requires_grad_()
    kappa = data(7, 5, seed=1).requires_grad_()
    inputs = [x, kappa, *xi.parameters()]
    products = xi.transform(x, kappa), Interdependence.transform(xi, x, kappa)
    torch.testing.assert_close(*products, rtol=1e-12, atol=1e-12)
    weight = data(7, 5, seed=2)
    gradients = [torch.autograd.grad((product * weight).sum(), inputs) for product in products]
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)
    if rows == 2:
        assert gradgradcheck(lambda kappa: xi.transform(x.detach(), kappa), kappa, fast_mode=True)
        assert gradgradcheck(lambda x: xi.transform(x, kappa.detach()), x, fast_mode=True)


def test_attention_holds_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    _in_blocks(monkeypatch, 10, 400, 2)
    xi = function("attention", 400, 8, "instance", heads=2, width=4)
    x = data(400, 8, dtype=torch.float32).requires_grad_()
    with Made() as made:
        xi(x).sum().backward()
    assert made.largest <= 10 * 400 * 2


def test_a_head_is_attention_of_its_own() -> None:
    many = function("attention", 6, 4, "instance", heads=3, width=2).double()
    x, alone = data(6, 4), []
    for head in range(3):
        one = function("attention", 6, 4, "instance", width=2).double()
        with torch.no_grad():
            one.query.copy_(many.query[:, 2 * head : 2 * head + 2])
            one.key.copy_(many.key[:, 2 * head : 2 * head + 2])
        alone.append(one.calculate_A(x))
    torch.testing.assert_close(many.calculate_A(x), sum(alone) / 3)
    torch.testing.assert_close(many.calculate_A(x).sum(dim=1), torch.ones(6, dtype=x.dtype))


def test_attention_of_zero_items_is_even() -> None:
    for heads in (1, 4):
        matrix = function("attention", 5, 3, "instance", heads=heads).calculate_A(torch.zeros(5, 3))
        torch.testing.assert_close(matrix, torch.full((5, 5), 0.2))


@pytest.mark.parametrize("sizes", [(2, 3, 4), (5, 40, 2, 30), (40, 3, 40, 3, 1), (7, 1, 7, 20, 7)])
def test_large_matrices_are_multiplied_in_the_cheapest_order(
    sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LARGE", 0)
    monkeypatch.setattr(reconcile, "FEW", 4)
    for order in (False, True):
        drawn = [data(*((b, a) if order else (a, b)), seed=a) for a, b in pairwise(sizes)]
        given = [(one.mT if order else one).requires_grad_() for one in drawn]
        product, expected = reconcile.chained(given), torch.linalg.multi_dot(given)
        torch.testing.assert_close(product, expected)
        slopes = (torch.autograd.grad(one.sum(), given) for one in (product, expected))
        for ours, plain in zip(*slopes, strict=True):
            torch.testing.assert_close(ours, plain)


def test_the_cheapest_order_has_the_fewest_multiplications() -> None:
    def fewest(sizes: tuple[int, ...]) -> int:
        cuts = range(1, len(sizes) - 1)
        ways = (fewest(sizes[: c + 1]) + fewest(sizes[c:]) + sizes[0] * sizes[c] * sizes[-1] for c in cuts)
        return min(ways, default=0)

    for sizes in ((3, 4), (30, 2, 40, 5), (2, 30, 2, 40, 5), (9, 8, 1, 8, 9)):
        cost, cut = reconcile._cheapest(sizes)  # pyright: ignore[reportPrivateUsage]
        assert cost == fewest(sizes)
        assert cost == 0 or fewest(sizes[: cut + 1]) + fewest(sizes[cut:]) + sizes[0] * sizes[cut] * sizes[-1] == cost
