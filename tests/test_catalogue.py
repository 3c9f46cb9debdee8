"""A file, a class, a yaml: one name for each thing, and one statement of its parameters."""

import importlib
import inspect
import itertools
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import hybridfuse.balance
import hybridfuse.fusion
import hybridfuse.interdependence
import hybridfuse.model.remainder
import hybridfuse.model.transformation
import hybridfuse.postprocess
import hybridfuse.reconciliation
from catalogue import BALANCES, CONF, FUSIONS, POSTPROCESSES, RECONCILIATIONS, XIS, fusion_of, options
from families.fusions import FUSION_OPTIONS
from hybridfuse.discovery import concrete_classes, snake_case
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.instantiate import instantiate
from hybridfuse.interdependence.base import Interdependence
from hybridfuse.model.remainder.base import Remainder
from hybridfuse.model.transformation.base import Transformation

KAPPAS = concrete_classes(hybridfuse.model.transformation, Transformation)
REMAINDERS = concrete_classes(hybridfuse.model.remainder, Remainder)
GROUPS: dict[str, tuple[ModuleType, dict[str, type]]] = {
    "interdependence": (hybridfuse.interdependence, XIS),
    "fusion": (hybridfuse.fusion, FUSIONS),
    "balance": (hybridfuse.balance, BALANCES),
    "postprocess": (hybridfuse.postprocess, POSTPROCESSES),
    "reconciliation": (hybridfuse.reconciliation, RECONCILIATIONS),
    "transformation": (hybridfuse.model.transformation, KAPPAS),
    "remainder": (hybridfuse.model.remainder, REMAINDERS),
}
GIVEN_BY_WHAT_HOLDS_IT = {"b", "m", "interdependence_type", "dims", "rows", "columns", "outputs"}

CLASSES = [pytest.param(room, stem, id=f"{room}-{stem}") for room, (_, found) in GROUPS.items() for stem in found]
CONFIGURED = [pytest.param(group, stem, id=f"{group}-{stem}") for group, (_, found) in GROUPS.items() for stem in found]


def _class(room: str, stem: str) -> type:
    return GROUPS[room][1][stem]


def _yaml(group: str, stem: str) -> Path:
    return CONF / group / f"{stem}.yaml"


def _signature(cls: type) -> dict[str, inspect.Parameter]:
    """A class without a constructor of its own has that of torch, which refuses all it is given."""
    takes_nothing = cls.__init__ is torch.nn.Module.__init__
    return {} if takes_nothing else dict(inspect.signature(cls).parameters)


def _parameters(cls: type) -> dict[str, Any]:
    signature = _signature(cls)
    return {name: given.default for name, given in signature.items() if name not in GIVEN_BY_WHAT_HOLDS_IT}


@pytest.mark.parametrize("group", GROUPS)
def test_each_class_has_a_yaml_and_each_yaml_a_class(group: str) -> None:
    stems = {path.stem for path in (CONF / group).iterdir()}
    assert {path.suffix for path in (CONF / group).iterdir()} == {".yaml"}
    assert stems - ({"none"} if group in ("postprocess", "balance") else set()) == set(GROUPS[group][1])
    assert len(stems) >= 3


@pytest.mark.parametrize("group", ["postprocess", "balance"])
def test_the_yaml_of_nothing(group: str) -> None:
    text = _yaml(group, "none").read_text()
    assert text.splitlines()[0] == "# @package _global_"
    assert OmegaConf.create(text) == {group: None}


@pytest.mark.parametrize(("room", "stem"), CLASSES)
def test_a_class_is_found_by_its_file_and_by_its_package(room: str, stem: str) -> None:
    package, cls = GROUPS[room][0], _class(room, stem)
    assert cls.__module__ == f"{package.__name__}.{stem}"
    assert snake_case(cls.__name__) == stem
    assert getattr(importlib.import_module(f"{package.__name__}.{stem}"), cls.__name__) is cls
    assert getattr(package, cls.__name__) is cls


@pytest.mark.parametrize(("group", "stem"), CONFIGURED)
def test_the_head_of_a_yaml(group: str, stem: str) -> None:
    """Without the package of its own, the files of a list would overwrite each other."""
    first, second, *_ = _yaml(group, stem).read_text().splitlines()
    assert first == (f"# @package interdependence.{stem}" if group == "interdependence" else f"# @package {group}")
    assert second == f"# {inspect.getdoc(_class(group, stem)).splitlines()[0]}"
    assert second.endswith(".")


@pytest.mark.parametrize(("group", "stem"), CONFIGURED)
def test_a_yaml_states_all_parameters_and_their_defaults(group: str, stem: str) -> None:
    cls = _class(group, stem)
    config = OmegaConf.to_container(OmegaConf.load(_yaml(group, stem)))
    assert config.pop("_target_") == f"{cls.__module__}.{cls.__qualname__}"
    assert list(config.items()) == list(_parameters(cls).items())
    assert [type(value) for value in config.values()] == [type(value) for value in _parameters(cls).values()]


@pytest.mark.parametrize(("group", "stem"), CONFIGURED)
def test_a_yaml_builds_its_class(group: str, stem: str) -> None:
    config = OmegaConf.load(_yaml(group, stem))
    given: dict[str, dict[str, Any]] = {
        "interdependence": {"b": 5, "m": 4, **(options(stem, 4) if group == "interdependence" else {})},
        "fusion": {"dims": [4, 4], **(FUSION_OPTIONS.get(stem, {}) if group == "fusion" else {})},
        "balance": {"dims": [4, 4]},
        "postprocess": {},
        "reconciliation": {"rows": 3, "columns": 4},
        "transformation": {"m": 4},
        "remainder": {"m": 4, "outputs": 4},
    }
    assert type(instantiate(config, given[group])) is _class(group, stem)


@pytest.mark.parametrize("stem", XIS)
def test_a_xi_takes_b_m_and_the_type_first(stem: str) -> None:
    signature = inspect.signature(XIS[stem]).parameters
    assert list(signature)[:3] == ["b", "m", "interdependence_type"]
    assert signature["interdependence_type"].default == "attribute"
    assert all(given.default is not given.empty for given in list(signature.values())[3:])


@pytest.mark.parametrize(("room", "stem"), CLASSES)
def test_no_parameter_is_swallowed(room: str, stem: str) -> None:
    cls = _class(room, stem)
    assert all(given.kind is given.POSITIONAL_OR_KEYWORD for given in _signature(cls).values())
    sizes: dict[str, tuple[int, ...]] = {"interdependence": (5, 4), "fusion": (), "reconciliation": (3, 4)}
    sizes |= {"transformation": (4,), "remainder": (4, 4)}
    with pytest.raises(TypeError, match="unexpected keyword argument 'misspelt'"):
        cls(*sizes.get(room, ()), misspelt=1)


@pytest.mark.parametrize(("room", "stem"), CLASSES)
def test_a_docstring_has_its_line_its_formula_and_its_parameters(room: str, stem: str) -> None:
    cls = _class(room, stem)
    text = cls.__doc__ or ""
    assert re.match(r"[A-Z].{10,110}\.\n\n", text)
    assert text.count("$$") == 2
    described = re.findall(r"^        (\w+): ", text, re.MULTILINE)
    own = list(_parameters(cls)) if "__init__" in vars(cls) else []
    bases = " \n".join(base.__doc__ or "" for base in cls.__mro__[1:] if issubclass(base, torch.nn.Module))
    of_the_base = {"p", "rows", "columns", "std", *re.findall(r"^        (\w+): ", bases, re.MULTILINE)}
    documented = [name for name in described if name not in ("ValueError", "TypeError", "FileNotFoundError", "dims")]
    assert [name for name in own if name not in of_the_base] == [n for n in documented if n not in of_the_base]


@pytest.mark.parametrize("room", GROUPS)
def test_a_class_is_abstract_or_final(room: str) -> None:
    found = list(GROUPS[room][1].values())
    assert [(a, b) for a, b in itertools.permutations(found, 2) if issubclass(a, b)] == []


def test_a_hybrid_is_a_xi_that_no_class_refines() -> None:
    assert issubclass(HybridInterdependence, Interdependence)
    assert not any(issubclass(cls, HybridInterdependence) for cls in XIS.values())


@pytest.mark.parametrize("room", GROUPS)
def test_every_file_of_a_package_is_a_class_or_a_base(room: str) -> None:
    package, found = GROUPS[room]
    (folder,) = package.__path__
    stems = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}
    bases = {stem for stem in stems if stem == "base" or stem.endswith("_base")} | ({"base", "structural"} & stems)
    assert stems - bases == set(found)


def test_discovery_finds_what_is_concrete_and_defined_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_package"
    (package / "deeper").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deeper" / "__init__.py").write_text("")
    (package / "one.py").write_text(
        "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\n"
        "class ZuluTwo(Base):\n    def f(self): ...\nclass Other: ...\n"
    )
    (package / "deeper" / "two.py").write_text(
        "from own_package.one import Base, ZuluTwo\nclass Alpha(Base):\n    def f(self): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("own_package")
    base = importlib.import_module("own_package.one").Base
    found = concrete_classes(own, base)
    assert list(found) == ["alpha", "zulu_two"]
    assert [cls.__name__ for cls in found.values()] == ["Alpha", "ZuluTwo"]


@pytest.mark.parametrize(
    ("name", "stem"), [("Chain", "chain"), ("GaussianRbf", "gaussian_rbf"), ("ABc", "a_bc"), ("L1Norm", "l1_norm")]
)
def test_snake_case(name: str, stem: str) -> None:
    assert snake_case(name) == stem


@pytest.mark.parametrize("stem", XIS)
def test_a_xi_says_what_it_is(stem: str) -> None:
    xi = XIS[stem](5, 4, "instance", **options(stem, 5))
    assert xi.name == stem
    assert "b=5, m=4, interdependence_type=instance" in repr(xi)


@pytest.mark.parametrize("stem", FUSIONS)
def test_a_fusion_says_what_it_is(stem: str) -> None:
    fusion = fusion_of(stem, [3, 3])
    assert fusion.name == stem
    assert "dims=[3, 3]" in repr(fusion)
    if not fusion.require_parameters:
        assert repr(fusion_of(stem)) == f"{FUSIONS[stem].__name__}()"
    assert fusion.require_parameters == (fusion.calculate_l() > 0)
    assert fusion.calculate_l() == sum(p.numel() for p in fusion.parameters())
    assert isinstance(fusion, torch.nn.Module)
