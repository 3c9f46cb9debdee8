"""What is wrong is said in one sentence, by the right kind of exception."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import TypeCheckError

from catalogue import (
    FUNCTIONS,
    FUSIONS,
    LEAST_FEATURES,
    POSTPROCESSES,
    RECONCILIATIONS,
    XIS,
    bound,
    data,
    function,
    fusion_of,
    hybrid_of,
    options,
    sparse_matrix,
)
from families import errors
from families.common import Wrong
from hybridfuse import check
from hybridfuse.fusion.base import Elementwise
from hybridfuse.fusion.mean import Mean
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES, Interdependence

B, M = 6, 4
MEAN = {"_target_": "hybridfuse.fusion.mean.Mean"}


def _xi(stem: str, *sizes: Any, **given: Any) -> Callable[[], object]:
    return lambda: XIS[stem](*(sizes or (B, M)), **given)


def _graph(**given: Any) -> Callable[[], object]:
    return _xi("graph", B, M, **given)


def _fuse(stem: str, *matrices: Any, dims: list[int] | None = None) -> Callable[[], object]:
    return lambda: fusion_of(stem, dims)(list(matrices))


def _hybrid(**given: Any) -> Callable[[], object]:
    return lambda: HybridInterdependence(B, M, **given)


def _square(n: int = 4, p: int = 5) -> torch.Tensor:
    return torch.ones(n, p)


TABLE: list[Wrong] = [
    *errors(),
    # what a ξ is told
    ("sigma 0", _xi("gaussian_rbf", sigma=0), ValueError, r"^sigma must be > 0, got 0\.$"),
    ("sigma 0.0", _xi("gaussian_rbf", sigma=0.0), ValueError, r"^sigma must be > 0, got 0\.0\.$"),
    ("sigma below 0", _xi("gaussian_rbf", sigma=-1), ValueError, r"^sigma must be > 0, got -1\.$"),
    ("sigma inf", _xi("gaussian_rbf", sigma=float("inf")), ValueError, r"^sigma must be finite, got inf\.$"),
    ("sigma nan", _xi("gaussian_rbf", sigma=float("nan")), ValueError, r"^sigma must be finite, got nan\.$"),
    ("sigma a text", _xi("gaussian_rbf", sigma="abc"), ValueError, r"^sigma must be > 0 or median, got 'abc'\.$"),
    ("sigma a bool", _xi("gaussian_rbf", sigma=True), TypeError, r"^sigma must be a number, got True\.$"),
    ("sigma None", _xi("gaussian_rbf", sigma=None), TypeError, r"^sigma must be a number, got None\.$"),
    ("scaling", _xi("chain", self_scaling=float("nan")), ValueError, r"^self_scaling must be finite, got nan\.$"),
    (
        "scaling inf",
        _graph(links=[], self_dependence=True, self_scaling=float("-inf")),
        ValueError,
        "self_scaling must",
    ),
    ("width 0", _xi("attention", width=0), ValueError, r"^width must be >= 1, got 0\.$"),
    ("width 2.0", _xi("attention", width=2.0), TypeError, r"^width must be a whole number, got 2\.0\.$"),
    ("rank 0", _xi("bilinear_lowrank", rank=0), ValueError, r"^rank must be >= 1, got 0\.$"),
    ("rank -1", _xi("parameterized_lowrank", rank=-1), ValueError, r"^rank must be >= 1, got -1\.$"),
    ("p 0", _xi("identity", p=0), ValueError, r"^p must be >= 1, got 0\.$"),
    ("p of parameters", _xi("parameterized", p=0), ValueError, r"^p must be >= 1, got 0\.$"),
    ("p True", _xi("parameterized_lowrank", p=True), TypeError, r"^p must be a whole number, got True\.$"),
    # graphs
    (
        "unknown node",
        _graph(links=[(0, 1), (1, 4)]),
        ValueError,
        "^link 2 of the graph names 4, which is not among its 4",
    ),
    (
        "nearest node",
        _graph(links=[("anne", "bob"), ("bob", "carrol")], nodes=["anne", "bob", "carol", "dan"]),
        ValueError,
        "link 2 of the graph names 'carrol', which is not among its 4 nodes; did you mean carol?",
    ),
    ("negative node", _graph(links=[(-1, 0)]), ValueError, "link 1 of the graph names -1"),
    ("text for a number", _graph(links=[(0, "x")]), ValueError, "link 1 of the graph names 'x'"),
    (
        "too few nodes",
        _graph(links=[], nodes=["a", "b"]),
        ValueError,
        r"^graph.nodes must name each of the 4 items once, got 2",
    ),
    ("too many nodes", _graph(links=[], nodes=list("abcde")), ValueError, "name each of the 4 items once, got 5"),
    ("equal nodes", _graph(links=[], nodes=list("abca")), ValueError, "name each of the 4 items once, got 4"),
    (
        "a pair of 3",
        _graph(links=[(0, 1), (0, 1, 2)]),
        ValueError,
        r"^link 2 of the graph must be a pair of nodes, got \(0, 1, 2\)",
    ),
    ("a pair of 1", _graph(links=[(0,)]), ValueError, "link 1 of the graph must be a pair of nodes"),
    ("a text for a pair", _graph(links=["01"]), ValueError, "link 1 of the graph must be a pair of nodes, got '01'"),
    (
        "no links",
        _graph(),
        UserWarning,
        r"graph has no links: give it links=\[\[0,1\],...\] or path=<file>.csv",
    ),
    (
        "no file",
        _graph(path="no/such/links.csv"),
        FileNotFoundError,
        "^graph.path must be a CSV or .npz file of links, got no/such/links.csv, which does not exist",
    ),
    ("a folder", _graph(path="."), FileNotFoundError, "graph.path must be a CSV or .npz file of links, got"),
    # fusions
    (
        "prod of unequal columns",
        _fuse("prod", _square(), _square(4, 3)),
        ValueError,
        "prod needs matrices of one shape, got",
    ),
    ("weights without dims", lambda: FUSIONS["weighted_sum_learned"](), ValueError, "weighted_sum_learned needs dims"),
    (
        "too many matrices",
        _fuse("weighted_sum_learned", *[_square()] * 3, dims=[5, 5]),
        ValueError,
        "^weighted_sum_learned has weights for 2 matrices, got 3",
    ),
    (
        "too few matrices",
        _fuse("weighted_sum_learned", _square(), dims=[5, 5]),
        ValueError,
        "^weighted_sum_learned has weights for 2 matrices, got 1",
    ),
    (
        "too many sparse matrices",
        _fuse("weighted_sum_learned", *[sparse_matrix()] * 3, dims=[5, 5]),
        ValueError,
        "has weights for 2 matrices, got 3",
    ),
    # hybrids
    (
        "no functions",
        _hybrid(fusion_function=Mean()),
        ValueError,
        "^hybrid_interdependence needs interdependence_functions or interdependence_function_configs, got neither",
    ),
    ("empty functions", _hybrid(interdependence_functions=[], fusion_function=Mean()), ValueError, "got neither"),
    ("empty configs", _hybrid(interdependence_function_configs={}, fusion_function=Mean()), ValueError, "got neither"),
    (
        "no fusion",
        lambda: _hybrid(interdependence_functions=[function("chain", B, M)])(),
        ValueError,
        "^hybrid_interdependence needs fusion_function or fusion_function_config, got neither",
    ),
    (
        "no fusion, named",
        lambda: _hybrid(interdependence_functions=[function("chain", B, M)], name="mine", fusion_function_config={})(),
        ValueError,
        "^mine needs fusion_function or fusion_function_config",
    ),
    (
        "another type",
        lambda: _hybrid(interdependence_functions=[function("chain", B, M, "instance")], fusion_function=Mean())(),
        ValueError,
        "^chain must be of type attribute with m = 4 like hybrid_interdependence, got instance with m = 4",
    ),
    (
        "another m",
        lambda: _hybrid(interdependence_functions={"mine": function("chain", B, 5)}, fusion_function=Mean())(),
        ValueError,
        "^mine must be of type attribute with m = 4 like hybrid_interdependence, got attribute with m = 5",
    ),
    (
        "one object twice",
        lambda: _hybrid(interdependence_functions=[function("chain", B, M)] * 2, fusion_function=Mean())(),
        ValueError,
        "takes each function once, got the same object twice in chain, chain_2",
    ),
    (
        "unequal columns",
        lambda: _hybrid(
            interdependence_functions=[function("identity", B, M, p=3), function("chain", B, M)],
            fusion_function=Mean(),
        )(),
        ValueError,
        r"mean needs matrices of one shape, got identity \(4, 3\), chain \(4, 4\); fusion=concatenation takes them",
    ),
    (
        "a parameter of a function",
        _hybrid(
            interdependence_function_configs={
                "wide": {"_target_": "hybridfuse.interdependence.gaussian_rbf.GaussianRbf", "sigma": 0.0}
            },
            fusion_function_config=MEAN,
        ),
        ValueError,
        r"^wide: sigma must be > 0, got 0\.0\.$",
    ),
    (
        "an unknown parameter of a function",
        _hybrid(
            interdependence_function_configs=[{"_target_": "hybridfuse.interdependence.chain.Chain", "sigma": 0.0}],
            fusion_function_config=MEAN,
        ),
        TypeError,
        "^chain: .*unexpected keyword argument 'sigma'",
    ),
    (
        "a function that may not run",
        _hybrid(interdependence_function_configs=[{"_target_": "os.system"}], fusion_function_config=MEAN),
        ValueError,
        "^system: _target_ must lie in hybridfuse's parts",
    ),
    (
        "sizes of a function with parameters",
        lambda: hybrid_of(["chain", "bilinear"], "mean", B, M)(data(B + 1, M)),
        ValueError,
        "^hybrid_interdependence: bilinear on the attribute axis has parameters for 6 rows a batch, got 7",
    ),
    # reconciliations
    ("std 0", lambda: RECONCILIATIONS["full"](3, 4, std=0.0), ValueError, r"^std must be > 0, got 0\.0\.$"),
    ("rank of a matrix", lambda: RECONCILIATIONS["lowrank"](3, 4, rank=0), ValueError, "^rank must be >= 1, got 0"),
    # words
    (
        "no name",
        lambda: __import__("hybridfuse.fusion").fusion.Nothing,
        AttributeError,
        "has no attribute 'Nothing'",
    ),
]


@pytest.mark.parametrize(
    ("call", "error", "match"), [pytest.param(*row[1:], id=row[0].replace(" ", "_")) for row in TABLE]
)
def test_table(call: Callable[[], object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("value", [1e-300, 1, 1e300])
def test_sigma_within_its_bounds(value: float) -> None:
    assert XIS["gaussian_rbf"](B, M, sigma=value).sigma.unit == value


@pytest.mark.parametrize(
    ("sizes", "error", "match"),
    [
        ((0, 4), ValueError, r"^b must be >= 1, got 0\.$"),
        ((4, 0), ValueError, r"^m must be >= 1, got 0\.$"),
        ((-1, 4), ValueError, "^b must be >= 1, got -1"),
        ((2.0, 4), TypeError, r"^b must be a whole number, got 2\.0"),
        ((4, "3"), TypeError, "^m must be a whole number, got '3'"),
        ((True, 4), TypeError, "^b must be a whole number, got True"),
        ((4, None), TypeError, "^m must be a whole number, got None"),
        ((4, 4, "instnace"), ValueError, "one of attribute, instance, got 'instnace'; did you mean instance?"),
        ((4, 4, "row"), ValueError, r"^interdependence_type must be one of attribute, instance, got 'row'\.$"),
        ((4, 4, None), ValueError, r"^interdependence_type must be one of attribute, instance, got None\.$"),
    ],
)
@pytest.mark.parametrize("stem", XIS)
def test_sizes_and_types(stem: str, sizes: tuple[Any, ...], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        XIS[stem](*sizes, **options(stem, 4))
    chain = {"chain": {"_target_": "hybridfuse.interdependence.chain.Chain"}}
    with pytest.raises(error, match=match):
        HybridInterdependence(*sizes, interdependence_function_configs=chain, fusion_function_config=MEAN)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (torch.ones(B, M + 1), ValueError, rf"^x must be \(b, m\) with m = {M} for .*, got \({B}, {M + 1}\)"),
        (torch.ones(M), ValueError, rf"^x must be \(b, m\) with m = {M} for .*, got \({M},\)"),
        (torch.ones(1, B, M), ValueError, rf"got \(1, {B}, {M}\)"),
        (torch.ones(0, M), ValueError, rf"got \(0, {M}\)"),
        (torch.ones(B, M, dtype=torch.int64), TypeError, r"^x must be a floating-point tensor, got torch\.int64\.$"),
        (torch.ones(B, M, dtype=torch.complex64), TypeError, r"got torch\.complex64"),
        (torch.ones(B, M).numpy(), TypeError, "^x must be a floating-point tensor, got float32"),
        ([[1.0] * M] * B, TypeError, "^x must be a floating-point tensor, got list"),
    ],
    ids=["columns", "vector", "three_axes", "no_rows", "integers", "complex", "numpy", "list"],
)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_data(stem: str, x: Any, error: type[Exception], match: str, kind: str) -> None:
    xi = function(stem, B, M, kind)
    for call in (lambda: xi.calculate_A(x), lambda: xi(x, torch.ones(B, M))):
        with pytest.raises(error, match=match):
            call()


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_no_data(stem: str) -> None:
    xi = function(stem, B, M)
    with pytest.raises(ValueError, match=rf"^{xi.name} needs x or kappa_x to transform, got neither\.$"):
        xi()
    if xi.require_data:
        for call in (xi.calculate_A, lambda: xi(kappa_x=data(B, M))):
            with pytest.raises(ValueError, match=rf"^{xi.name} computes A from the data, so x must be given\.$"):
                call()


@pytest.mark.parametrize(("kind", "axis", "items"), [("attribute", "columns", M), ("instance", "rows", B)])
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_transformed_data_of_a_wrong_size(stem: str, kind: str, axis: str, items: int) -> None:
    xi, kappa_x = function(stem, B, M, kind).double(), data(9, 9)
    with pytest.raises(ValueError, match=f"^kappa_x must have {items} {axis}, got 9"):
        xi(data(B, M), kappa_x)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_parameters_of_a_wrong_number(stem: str) -> None:
    xi = function(stem, B, M)
    for number in {0, 1, xi.calculate_l() - 1, xi.calculate_l() + 1} - {-1, xi.calculate_l()}:
        match = f"^w must hold the {xi.calculate_l()} parameters of {xi.name}, got {number}"
        with pytest.raises(ValueError, match=match):
            xi.calculate_A(data(B, M), torch.ones(1, number, dtype=torch.float64))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", [stem for stem in XIS if XIS[stem].bound_sizes])
def test_a_batch_of_a_wrong_size_names_the_remedy(stem: str, kind: str) -> None:
    xi = function(stem, B, M, kind)
    if not bound(stem, "d" if kind == "attribute" else "n"):
        assert xi(data(B - 1, M, dtype=torch.float32)).shape == (B - 1, M)
        return
    other = "instance" if kind == "attribute" else "attribute"
    axis = f"axis={other}, or " if len(XIS[stem].bound_sizes) == 1 else ""
    remedy = rf"use {axis}batches of one size \(data\.drop_last=true and a data\.batch_size that divides"
    match = f"^{stem} on the {kind} axis has parameters for {B} rows a batch, got {B - 1}; {remedy}"
    for call in (xi, xi.calculate_A):
        with pytest.raises(ValueError, match=match):
            call(data(B - 1, M, dtype=torch.float32))


def test_a_graph_of_a_wrong_size() -> None:
    with pytest.raises(ValueError, match=f"^graph is of {B} items, so a batch must have as many, got {B - 1}"):
        function("graph", B, M, "instance")(data(B - 1, M, dtype=torch.float32))


@pytest.mark.parametrize("stem", LEAST_FEATURES)
def test_too_few_features(stem: str) -> None:
    least = LEAST_FEATURES[stem]
    with pytest.raises(ValueError, match=f"^{stem} needs at least {least} observations of an item, got {least - 1}"):
        function(stem, 5, least - 1, "instance").calculate_A(data(5, least - 1))
    assert function(stem, 5, least, "instance").calculate_A(data(5, least)).shape == (5, 5)


@pytest.mark.parametrize("stem", FUSIONS)
def test_what_fusions_do_not_take(stem: str) -> None:
    fusion = fusion_of(stem, [5, 5])
    with pytest.raises(ValueError, match=f"^{stem} needs at least one matrix, got none"):
        fusion([])
    with pytest.raises(ValueError, match=rf"^{stem} needs matrices with equally many rows, got \(4, 5\), \(3, 5\)"):
        fusion([_square(), _square(3)])
    for member, said in [
        (torch.ones(2, 4, 5), "a tensor of 3 axes"),
        (torch.ones(5), "a tensor of 1 axes"),
        (_square().numpy(), "ndarray"),
        (None, "NoneType"),
    ]:
        with pytest.raises(TypeError, match=f"^{stem} takes a sequence of matrices, got {said} in it"):
            fusion([_square(), member])
    with pytest.raises(TypeError, match=f"^{stem} takes a sequence of matrices, got a tensor of 1 axes in it"):
        fusion(_square())
    with pytest.raises(ValueError, match=rf"^{stem} needs matrices .* got a \(4, 5\), b \(3, 5\)"):
        fusion([_square(), _square(3)], names=["a", "b"])
    if issubclass(FUSIONS[stem], Elementwise):
        side = "; fusion=concatenation takes them side by side"
        for given in ([_square(), _square(4, 3)], iter([_square(), _square(4, 3)])):
            with pytest.raises(ValueError, match=rf"^{stem} needs matrices of one shape, got \(4, 5\), \(4, 3\){side}"):
                fusion(given)
        with pytest.raises(ValueError, match=rf"^{stem} needs matrices of one shape, got 5, 3 columns{side}"):
            fusion.calculate_n([5, 3])


@pytest.mark.parametrize("stem", FUSIONS)
def test_what_fusions_do_not_take_from_an_iterator(stem: str) -> None:
    with torch.no_grad():
        with pytest.raises(ValueError, match=f"^{stem} needs at least one matrix, got none"):
            fusion_of(stem, [5])(iter([]))
        with pytest.raises(ValueError, match=rf"^{stem} needs matrices .* got a \(4, 5\), b \(3, 5\)"):
            fusion_of(stem, [5, 5])(iter([_square(), _square(3)]), ["a", "b"])
        with pytest.raises(TypeError, match=f"^{stem} takes a sequence of matrices, got NoneType in it"):
            fusion_of(stem, [5, 5])(iter([_square(), None]))


@pytest.mark.parametrize("stem", FUSIONS)
def test_columns_that_a_fusion_does_not_take(stem: str) -> None:
    for dims, error, match in [
        ([], ValueError, r"^dims must hold the columns of at least one matrix, got \[\]"),
        ([3, 0], ValueError, "^dims must be >= 1, got 0"),
        ([3, 1.5], TypeError, "^dims must be a whole number, got 1.5"),
    ]:
        with pytest.raises(error, match=match):
            fusion_of(stem, dims)
    with pytest.raises(ValueError, match=f"^{stem} needs dims, the columns of each matrix, got"):
        fusion_of(stem, [5]).calculate_n([])
    if not fusion_of(stem, [5]).require_parameters:
        with pytest.raises(ValueError, match=f"^{stem} needs dims, the columns of each matrix, got None"):
            fusion_of(stem).calculate_n()


@pytest.mark.parametrize("stem", RECONCILIATIONS)
@pytest.mark.parametrize(
    ("sizes", "error", "match"),
    [
        ((0, 4), ValueError, "^rows must be >= 1, got 0"),
        ((4, 0), ValueError, "^columns must be >= 1, got 0"),
        ((4, 4, -1.0), ValueError, "^std must be > 0, got -1.0"),
    ],
)
def test_sizes_of_reconciliations(stem: str, sizes: tuple[Any, ...], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        RECONCILIATIONS[stem](*sizes)


@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocesses_take_matrices_alone(stem: str) -> None:
    """Seen by the shape annotations, which are checked in tests."""
    with pytest.raises(TypeCheckError):
        POSTPROCESSES[stem]()(torch.ones(2, 3, 4))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0,1\n2\n", r"link 2 of the graph must be a pair of nodes, got \('2',\)"),
        ("0,1,1.0\n", "link 1 of the graph must be a pair of nodes"),
        ("0,1\n0,9\n", "link 2 of the graph names '9', which is not among its 4 nodes"),
        ("source,to\n0,1\n", "link 1 of the graph names 'source'"),
    ],
)
def test_a_file_of_links(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        XIS["graph"](B, M, path=str(tmp_path / "links.csv"))


def test_abstract_classes_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Interdependence(B, M)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: check.fraction("dropout", 1.0), ValueError, r"^dropout must be in \[0, 1\), got 1\.0\.$"),
        (lambda: check.fraction("dropout", -0.1), ValueError, r"^dropout must be in \[0, 1\), got -0\.1\.$"),
        (lambda: check.whole("n", -1, least=0), ValueError, r"^n must be >= 0, got -1\.$"),
        (lambda: check.choice("fruit", "aple", ["apple", "pear"]), ValueError, "got 'aple'; did you mean apple?"),
        (lambda: check.choice("fruit", "zzz", ["apple", "pear"]), ValueError, r"apple, pear, got 'zzz'\.$"),
        (lambda: check.choice("fruit", 3, ["apple"]), ValueError, r"got 3\.$"),
    ],
)
def test_checks(call: Callable[[], object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_checks_return_what_is_right() -> None:
    assert (check.fraction("x", 0), check.fraction("x", 0.999)) == (0.0, 0.999)
    assert (check.whole("x", 0, least=0), check.whole("x", 1)) == (0, 1)
    assert check.choice("x", "b", iter(["a", "b"])) == "b"
    assert isinstance(check.positive("x", 2), float)
    assert check.nearest("app", ["pear", "apples", "apple"]) == "; did you mean apple?"
    assert check.nearest("", ["apple"]) == ""


def test_a_near_file_is_near_by_more_than_its_ending(tmp_path: Path) -> None:
    for name in ("inf.csv", "apples.txt", "apples.csv"):
        (tmp_path / name).touch()
    assert check.nearest_file(tmp_path / "missing.csv") == ""
    assert check.nearest_file(tmp_path / "appels.csv") == "; did you mean apples.csv?"
    assert check.nearest_file(tmp_path / "appels.txt") == "; did you mean apples.txt?"
    assert check.nearest_file(tmp_path / "no" / "inf.csv") == ""
