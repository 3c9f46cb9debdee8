"""Transformations κ and remainders π: their formulas, sizes, limits, slopes, order of columns, and what they refuse."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import hybridfuse.model.remainder
import hybridfuse.model.transformation
from catalogue import data, finite
from families.common import Array, Wrong
from hybridfuse.discovery import concrete_classes
from hybridfuse.interdependence import ParameterizedRpn
from hybridfuse.model.remainder.base import Remainder
from hybridfuse.model.rpn import Rpn
from hybridfuse.model.transformation.base import Transformation
from hybridfuse.model.transformation.per_attribute_base import PerAttributeBase

KAPPAS = concrete_classes(hybridfuse.model.transformation, Transformation)
REMAINDERS = concrete_classes(hybridfuse.model.remainder, Remainder)
PER_ATTRIBUTE = [stem for stem, cls in KAPPAS.items() if issubclass(cls, PerAttributeBase)]
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def _taylor(order: int) -> Callable[[Array], Array]:
    def expand(x: Array) -> Array:
        powers = [x]
        for _ in range(order - 1):
            powers.append(np.stack([np.kron(power, row) for power, row in zip(powers[-1], x, strict=True)]))
        return np.hstack(powers)

    return expand


def _each(expand: Callable[[float], list[float]]) -> Callable[[Array], Array]:
    """Attribute by attribute, number by number."""
    return lambda x: np.array([[value for entry in row for value in expand(entry)] for row in x])


def _chebyshev(order: int) -> Callable[[float], list[float]]:
    """The degree one at a time, by the coefficients of numpy."""
    return lambda x: [np.polynomial.chebyshev.chebval(math.tanh(x), [0] * k + [1]) for k in range(1, order + 1)]


def _fourier(frequencies: int, period: float) -> Callable[[float], list[float]]:
    angles = [2 * math.pi * p / period for p in range(1, frequencies + 1)]
    return lambda x: [value for angle in angles for value in (math.cos(angle * x), math.sin(angle * x))]


def _bspline(lo: float, hi: float, intervals: int, order: int) -> Callable[[float], list[float]]:
    """Each by scipy, zero outside its support."""
    step = (hi - lo) / intervals
    knots = [lo + step * j for j in range(-order, intervals + order + 1)]
    splines = [BSpline.basis_element(knots[j : j + order + 2], extrapolate=False) for j in range(intervals + order)]
    return lambda x: [float(np.nan_to_num(spline(x))) for spline in splines]


def _gaussian_rbf(lo: float, hi: float, centers: int) -> Callable[[float], list[float]]:
    step = (hi - lo) / (centers - 1)
    return lambda x: [math.exp(-(((x - c) / step) ** 2)) for c in np.linspace(lo, hi, centers)]


ORACLES: dict[str, list[tuple[dict[str, Any], Callable[[Array], Array]]]] = {
    "identity": [({}, lambda x: x)],
    "taylor": [
        ({}, _taylor(2)),
        ({"order": 1}, _taylor(1)),
        ({"order": 3}, _taylor(3)),
        ({"order": 4}, _taylor(4)),
    ],
    "chebyshev": [
        ({}, _each(_chebyshev(3))),
        ({"order": 1}, _each(_chebyshev(1))),
        ({"order": 9}, _each(_chebyshev(9))),
    ],
    "fourier": [
        ({}, _each(_fourier(3, 10.0))),
        ({"frequencies": 1, "period": 1}, _each(_fourier(1, 1))),
        ({"frequencies": 5, "period": 2.7}, _each(_fourier(5, 2.7))),
    ],
    "bspline": [
        ({}, _each(_bspline(-3, 3, 6, 3))),
        ({"lo": -1, "hi": 0.5, "intervals": 1, "order": 1}, _each(_bspline(-1, 0.5, 1, 1))),
        ({"lo": 0.1, "hi": 1.7, "intervals": 5, "order": 2}, _each(_bspline(0.1, 1.7, 5, 2))),
        ({"intervals": 2, "order": 5}, _each(_bspline(-3, 3, 2, 5))),
    ],
    "gaussian_rbf": [
        ({}, _each(_gaussian_rbf(-3, 3, 7))),
        ({"lo": -1, "hi": 2.5, "centers": 2}, _each(_gaussian_rbf(-1, 2.5, 2))),
        ({"centers": 12}, _each(_gaussian_rbf(-3, 3, 12))),
    ],
}
CASES = [pytest.param(stem, given, oracle, id=f"{stem}-{given}") for stem in ORACLES for given, oracle in ORACLES[stem]]
OPTIONS = [pytest.param(stem, given, id=f"{stem}-{given}") for stem in ORACLES for given, _ in ORACLES[stem]]


def kappa(stem: str, m: int, **given: Any) -> Transformation:
    return KAPPAS[stem](m, **given)


def wide(m: int = 3, b: int = 40) -> Tensor:
    """Standard normal numbers, some of them far out."""
    x = data(b, m)
    x[: b // 4] *= 4.0
    return x


def test_every_transformation_has_an_oracle() -> None:
    assert list(KAPPAS) == sorted(ORACLES)


@pytest.mark.parametrize(("stem", "given", "oracle"), CASES)
def test_value(stem: str, given: dict[str, Any], oracle: Callable[[Array], Array]) -> None:
    for x in (wide(), wide(1), wide(2, 1), wide(3).T.contiguous().T):
        one = kappa(stem, x.shape[1], **given)
        expected = torch.tensor(oracle(x.numpy()))
        assert one.width == expected.shape[1]
        assert one(x).dtype == torch.float64
        torch.testing.assert_close(one(x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("stem", "given"), OPTIONS)
def test_oracles_name_every_option(stem: str, given: dict[str, Any]) -> None:
    named = set().union(*(options for options, _ in ORACLES[stem]))
    assert named == set(vars(KAPPAS[stem](2))) - set(vars(torch.nn.Module())) - {"m"}


@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize(("stem", "given"), OPTIONS)
def test_other_dtypes(stem: str, given: dict[str, Any], dtype: torch.dtype) -> None:
    """As precise as the numbers that are given: computed in float32 at least, then rounded once."""
    x = data(30, 3).to(dtype)
    one = kappa(stem, 3, **given)
    got, expected = one(x), one(x.double())
    assert got.dtype == dtype
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(got.double(), expected, rtol=step, atol=max(0.5 * step, 2e-5))


@pytest.mark.parametrize("stem", PER_ATTRIBUTE)
def test_columns_go_attribute_by_attribute(stem: str) -> None:
    x, each = data(5, 3), kappa(stem, 3).width // 3
    whole = kappa(stem, 3)(x)
    for attribute in range(3):
        alone = kappa(stem, 1)(x[:, attribute : attribute + 1])
        assert torch.equal(whole[:, attribute * each : (attribute + 1) * each], alone)


def test_columns_of_taylor_go_power_by_power_row_major() -> None:
    x = torch.tensor([[2.0, 3.0]])
    assert kappa("taylor", 2, order=3)(x).tolist() == [[2, 3, 4, 6, 6, 9, 8, 12, 12, 18, 12, 18, 18, 27]]


INPUTS: dict[str, Callable[[torch.dtype], Tensor]] = {
    "zero": lambda dtype: torch.zeros(3, 2, dtype=dtype),
    "single": lambda dtype: torch.ones(1, 2, dtype=dtype),
    "equal": lambda dtype: torch.full((3, 2), 0.7, dtype=dtype),
    "knots": lambda dtype: torch.arange(-6.0, 7.0, dtype=dtype)[:, None].expand(13, 2).clone(),
    "tiny": lambda dtype: torch.tensor([[1.0, -1.0], [3.0, 0.0]], dtype=dtype) * torch.finfo(dtype).tiny,
    "below normal": lambda dtype: torch.full((2, 2), torch.finfo(dtype).tiny / 4, dtype=dtype),
    "largest": lambda dtype: torch.tensor([[1.0, -1.0], [1.0, 1.0], [-1.0, 0.0]], dtype=dtype) * torch.finfo(dtype).max,
    "square overflows": lambda dtype: torch.full((2, 2), 1.1 * torch.finfo(dtype).max ** 0.5, dtype=dtype),
    "cube overflows": lambda dtype: torch.full((2, 2), 1.1 * torch.finfo(dtype).max ** (1 / 3), dtype=dtype),
    "huge and tiny": lambda dtype: torch.tensor([[0.9 * torch.finfo(dtype).max, torch.finfo(dtype).tiny]], dtype=dtype),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("stem", "given"), OPTIONS)
def test_finite(stem: str, given: dict[str, Any], dtype: torch.dtype) -> None:
    for name, build in INPUTS.items():
        x = build(dtype).requires_grad_()
        expanded = kappa(stem, 2, **given)(x)
        assert finite(x, expanded), name
        (slope,) = torch.autograd.grad((expanded * data(*expanded.shape).to(dtype)).sum(), x, create_graph=True)
        assert finite(slope), name
        if dtype in (torch.float32, torch.float64) and not ("overflows" in name or "huge" in name or "largest" in name):
            (second,) = torch.autograd.grad(slope.sum(), x, allow_unused=True) if slope.requires_grad else (None,)
            assert second is None or finite(second), name


@pytest.mark.parametrize("scale", [1e-15, 1e15])
@pytest.mark.parametrize(
    ("stem", "names"), [("bspline", ("lo", "hi")), ("gaussian_rbf", ("lo", "hi")), ("fourier", ("period",))]
)
def test_finite_for_the_least_and_the_largest_length(stem: str, names: tuple[str, ...], scale: float) -> None:
    given = dict(zip(names, (0.0, scale) if len(names) > 1 else (scale,), strict=True))
    for magnitude in (0.0, 1e-15, 1.0, 1e15, 3e38):
        x = torch.tensor([[magnitude], [-magnitude]], requires_grad=True)
        expanded = kappa(stem, 1, **given)(x)
        expanded.sum().backward()
        assert finite(expanded, x.grad)


@pytest.mark.parametrize(("stem", "given"), OPTIONS)
def test_gradients(stem: str, given: dict[str, Any]) -> None:
    x = data(4, 2).requires_grad_()  # not a knot, where a spline of degree 1 has a kink
    one = kappa(stem, 2, **given)
    assert torch.autograd.gradcheck(one, x)
    assert torch.autograd.gradgradcheck(one, x)


def test_products_end_at_the_largest_number() -> None:
    top = torch.finfo(torch.float32).max
    one = kappa("taylor", 2, order=3)
    assert one(torch.tensor([[1e30, -1e30]]))[0, :6].tolist() == pytest.approx([1e30, -1e30, top, -top, -top, top])
    assert one(torch.tensor([[1e30, 0.0]]))[0, 2:].tolist() == [top, 0, 0, 0, top, 0, 0, 0, 0, 0, 0, 0]
    assert one(torch.tensor([[1e30, 1e-30]]))[0, 3].item() == pytest.approx(1.0)


def test_splines_sum_to_one_on_the_interval_and_vanish_outside() -> None:
    for given in ({}, {"lo": 0.1, "hi": 0.7, "intervals": 3, "order": 1}, {"intervals": 7, "order": 2}):
        one = kappa("bspline", 1, **given)
        step = (one.hi - one.lo) / one.intervals
        inside = torch.linspace(one.lo, one.hi, 7 * one.intervals + 1, dtype=torch.float64)[:, None]
        inside[-1] = one.hi
        torch.testing.assert_close(one(inside).sum(dim=1), torch.ones(len(inside), dtype=torch.float64))
        assert one(inside).min() >= 0
        far = one.order * step * (1 + 1e-12)
        outside = torch.tensor([[one.lo - far], [one.hi + far], [1e300], [-1e300]], dtype=torch.float64)
        assert one(outside).abs().max() < 1e-11
        assert 0 < one(torch.tensor([[one.hi + 0.5 * step]])).sum() < 1


def test_splines_at_the_knots() -> None:
    """Of degree 3 they are 1/6, 2/3, 1/6 there, of degree 1 a single 1: also in float32, also at the ends."""
    x = torch.arange(-3.0, 4.0)[:, None]
    cubic = kappa("bspline", 1)(x)
    expected = torch.zeros(7, 9)
    for knot in range(7):
        expected[knot, knot : knot + 3] = torch.tensor([1 / 6, 2 / 3, 1 / 6])
    torch.testing.assert_close(cubic, expected, rtol=0, atol=1e-7)
    assert torch.equal(kappa("bspline", 1, order=1)(x), torch.eye(7))


def test_a_whole_period_changes_nothing() -> None:
    x = torch.tensor([[0.25, 0.75]])
    one = kappa("fourier", 2, period=4.0)
    assert torch.equal(one(x + 4.0 * 2**18), one(x))
    assert torch.equal(one(-x)[:, ::2], one(x)[:, ::2])
    assert torch.equal(one(-x)[:, 1::2], -one(x)[:, 1::2])


def test_what_is_not_finite_stays_visible() -> None:
    """A loss that is not a number is explained by the runner; no κ stops before."""
    x = torch.tensor([[float("nan"), 0.5], [float("inf"), float("-inf")]])
    for stem in KAPPAS:
        assert kappa(stem, 2)(x)[0].isnan().any()


class _Large(TorchDispatchMode):
    """Counts the tensors of a least size that are made, not views."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least, self.number = least, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        there = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        new = [tensor for tensor in made if tensor.untyped_storage().data_ptr() not in there]
        self.number += sum(tensor.numel() >= self.least for tensor in new)
        return result


def test_products_are_made_once() -> None:
    """No tensor of m³ columns but the output, and none in its backward pass."""
    x = data(3, 9, dtype=torch.float32).requires_grad_()
    with _Large(3 * 9**3) as made:
        expanded = kappa("taylor", 9, order=3)(x)
    assert made.number == 1
    slope = torch.ones_like(expanded)
    with _Large(3 * 9**3) as made:
        torch.autograd.grad(expanded, x, slope)
    assert made.number == 0


@pytest.mark.parametrize("stem", KAPPAS)
def test_device_and_state(stem: str) -> None:
    """Nothing is made elsewhere than where the data are, and nothing is kept in the state."""
    one = kappa(stem, 3)
    assert one(torch.empty(4, 3, device="meta")).device.type == "meta"
    assert one.state_dict() == {}
    assert f"m=3, width={one.width}" in repr(one)


@pytest.mark.parametrize("stem", KAPPAS)
def test_mixed_precision_does_not_reach_inside(stem: str) -> None:
    x = data(6, 3, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(kappa(stem, 3)(x), kappa(stem, 3)(x))
        inside = kappa(stem, 3)(x)
    assert torch.equal(inside, kappa(stem, 3)(x))


PARTS = {
    "reconciliation": {"_target_": "hybridfuse.reconciliation.full.Full"},
    "remainder": {"_target_": "hybridfuse.model.remainder.zero.Zero"},
    "activation": {"_target_": "torch.nn.Tanh"},
}


@pytest.mark.parametrize("stem", KAPPAS)
def test_in_a_network_and_in_an_interdependence_function(stem: str) -> None:
    torch.manual_seed(0)
    config = {"_target_": f"{KAPPAS[stem].__module__}.{KAPPAS[stem].__name__}"}
    network = Rpn(6, 4, 3, transformation=config, hidden=(5,), **PARTS)
    assert network.layers[0].reconciliation().shape == (5, kappa(stem, 4).width)
    for axis in ("attribute", "instance"):
        xi = ParameterizedRpn(6, 4, axis, transformation=config)
        items = data(6, 4).T if axis == "attribute" else data(6, 4)
        expected = kappa(stem, xi.d)(items) @ xi.double().reconciliation().T
        torch.testing.assert_close(xi.calculate_A(data(6, 4)), expected)
    network(data(6, 4, dtype=torch.float32)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("stem", KAPPAS)
def test_export(stem: str) -> None:
    x = data(4, 3, dtype=torch.float32)
    one = kappa(stem, 3)
    program = torch.export.export(one, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    for rows in (4, 7):
        torch.testing.assert_close(program.module()(data(rows, 3, dtype=torch.float32)), one(data(rows, 3).float()))


def _refused(stem: str, **given: Any) -> Callable[[], object]:
    m = given.pop("m", 4)
    return lambda: kappa(stem, m, **given)


LENGTH = r"must be in \[1e-15, 1000000000000000\.0\]"
ERRORS: list[Wrong] = [
    ("no attributes", _refused("identity", m=0), ValueError, r"^m must be >= 1, got 0\.$"),
    ("order 0", _refused("taylor", order=0), ValueError, r"^order must be >= 1, got 0\.$"),
    ("order 1.5", _refused("taylor", order=1.5), TypeError, r"^order must be a whole number, got 1\.5\.$"),
    (
        "too many columns",
        _refused("taylor", m=256, order=3),
        ValueError,
        r"^taylor must make 16777216 columns at most, got m = 256 attributes with order = 3; use a smaller order or",
    ),
    (
        "a huge order",
        _refused("taylor", order=10**9),
        ValueError,
        "^taylor must make 16777216 columns at most, got m = 4",
    ),
    ("a huge order of one", _refused("taylor", m=1, order=10**12), ValueError, "^taylor must make 16777216 columns"),
    ("degree 0", _refused("chebyshev", order=0), ValueError, r"^order must be >= 1, got 0\.$"),
    ("no frequencies", _refused("fourier", frequencies=0), ValueError, r"^frequencies must be >= 1, got 0\.$"),
    ("period 0", _refused("fourier", period=0), ValueError, r"^period must be > 0, got 0\.$"),
    ("a tiny period", _refused("fourier", period=1e-16), ValueError, rf"^period {LENGTH}, got 1e-16\.$"),
    ("a huge period", _refused("fourier", period=1e16), ValueError, rf"^period {LENGTH}, got 1e\+16\.$"),
    ("a word as period", _refused("fourier", period="x"), TypeError, r"^period must be a number, got 'x'\.$"),
    ("hi = lo", _refused("bspline", lo=1, hi=1), ValueError, r"^hi must be above lo = 1 by 1e-15 at least, got 1\.$"),
    ("hi < lo", _refused("gaussian_rbf", lo=4.0), ValueError, r"^hi must be above lo = 4\.0 by 1e-15 at least, got 3"),
    (
        "a huge lo",
        _refused("bspline", lo=-1e16),
        ValueError,
        r"^lo must be in \[-1000000000000000\.0, 1000000000000000",
    ),
    ("infinite hi", _refused("bspline", hi=math.inf), ValueError, r"^hi must be finite, got inf\.$"),
    ("no intervals", _refused("bspline", intervals=0), ValueError, r"^intervals must be >= 1, got 0\.$"),
    ("splines of degree 0", _refused("bspline", order=0), ValueError, r"^order must be >= 1, got 0\.$"),
    ("one centre", _refused("gaussian_rbf", centers=1), ValueError, r"^centers must be >= 2, got 1\.$"),
    (
        "an identity of other sizes",
        lambda: REMAINDERS["identity"](4, 3),
        ValueError,
        r"^remainder=identity must have as many outputs as attributes, got 3 of m = 4; remainder=linear takes any\.$",
    ),
]


@pytest.mark.parametrize(("name", "call", "error", "sentence"), ERRORS, ids=[row[0] for row in ERRORS])
def test_error(name: str, call: Callable[[], object], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_the_widest_taylor_is_built() -> None:
    assert kappa("taylor", 255, order=3).width == 255 + 255**2 + 255**3
    assert kappa("taylor", 1, order=100).width == 100


def test_identity_adds_the_input() -> None:
    x = data(5, 4)
    assert REMAINDERS["identity"](4, 4)(x) is x
    parts = {**PARTS, "transformation": {"_target_": f"{KAPPAS['identity'].__module__}.Identity"}}
    remainder = {"_target_": f"{REMAINDERS['identity'].__module__}.Identity"}
    torch.manual_seed(0)
    plain = Rpn(5, 4, 4, **parts)
    torch.manual_seed(0)
    added = Rpn(5, 4, 4, **{**parts, "remainder": remainder})
    torch.testing.assert_close(added(x.float()), plain(x.float()) + x.float())


def test_remainders_are_three() -> None:
    assert list(REMAINDERS) == ["identity", "linear", "zero"]
    assert all(not issubclass(a, b) for a, b in itertools.permutations(REMAINDERS.values(), 2))
