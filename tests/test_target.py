"""What a configuration may build: classes of the allowed packages, and nothing is imported to find that out."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from omegaconf.listconfig import ListConfig

from catalogue import XIS
from hybridfuse import instantiate as instantiating
from hybridfuse import targets
from hybridfuse.instantiate import instantiate

B, M = 5, 4
CHAIN = "hybridfuse.interdependence.chain.Chain"
ROW = "hybridfuse.postprocess.row.Row"
NOT_ALLOWED = "_target_ must lie in hybridfuse's parts"

ALLOWED = [
    CHAIN,
    "hybridfuse.fusion.mean.Mean",
    "hybridfuse.hybrid.HybridInterdependence",
    "hybridfuse.postprocess.row.Row",
    "hybridfuse.reconciliation.full.Full",
    "torch.nn.ReLU",
    "torch.nn.modules.activation.ReLU",
    "torch.optim.SGD",
    "torch.optim.lr_scheduler.StepLR",
    "pytorch_lightning.Trainer",
    "torchmetrics.Accuracy",
]
OUTSIDE = [
    "os.system",
    "posix.system",
    "subprocess.Popen",
    "builtins.eval",
    "eval",
    "",
    "torch.load",
    "torch.nnn.ReLU",
    "torch.hub.load",
    "hybridfuse",
    "hybridfuse.targets.allow",
    "hybridfuse.instantiate.instantiate",
    "hybridfuse.discovery.concrete_classes",
    "hybridfuse.fusions.Mean",
    "logging.os.system",
    "pathlib.Path",
    "pytorch_lightning.cli",
    "pytorch_lightning.cli.LightningCLI",
    "${oc.env:TARGET}",
]
RE_EXPORTS = [
    "torch.nn.modules.module.inspect.os.system",
    "torch.nn.modules.module.functools.partial",
    "torch.nn.modules.module.warnings.catch_warnings",
    "torch.nn.init.math.sqrt",
    "torch.optim.optimizer.functools.reduce",
    "hybridfuse.interdependence.constant.torch.load",
    "hybridfuse.interdependence.graph_base.warnings.catch_warnings",
    "hybridfuse.hybrid.instantiate",
    "hybridfuse.fusion.base.torch.load",
    "pytorch_lightning.trainer.trainer.os.system",
    "torchmetrics.metric.inspect.os.system",
]
NO_CLASSES = [
    "torch.nn.init.normal_",
    "torch.nn.utils.clip_grad_norm_",
    "torch.nn.functional.relu",
    "torch.nn.modules.module.register_module_forward_hook",
    "pytorch_lightning.callbacks.callback.Callback.setup",
    "hybridfuse.interdependence.chain.Chain.calculate_A",
    "hybridfuse.fusion.base.listed",
]
NOTHING = ["torch.nn.NoSuchClass", "torch.nn.no_module.Thing", "hybridfuse.fusion.mean.Means"]


@pytest.mark.parametrize("path", ALLOWED)
def test_allowed(path: str) -> None:
    targets.check(path)
    assert path in instantiating._checked_targets({"_target_": path})


def _refused(path: str, match: str) -> None:
    """However deep it lies and however it is written."""
    deep = {
        "_target_": CHAIN,
        "b": B,
        "m": M,
        "normalization": {"_target_": ROW, "x": [1, {"y": [{"_target_": path}]}]},
    }
    plain: list[Any] = [
        {"_target_": path},
        {"function_class": path, "function_parameters": {}},
        deep,
        {"function_class": CHAIN, "function_parameters": {"b": B, "m": M, "links": ({"_target_": path},)}},
    ]
    for config in plain:
        with pytest.raises(ValueError, match=match):
            instantiate(config)
    if "$" not in path:
        for config in plain[:3]:
            with pytest.raises(ValueError, match=match):
                instantiate(OmegaConf.create(config))


@pytest.mark.parametrize("path", OUTSIDE)
def test_outside_the_allowed_packages(path: str) -> None:
    with pytest.raises(ValueError, match=NOT_ALLOWED):
        targets.check(path)
    _refused(path, NOT_ALLOWED)


@pytest.mark.parametrize("path", RE_EXPORTS)
def test_what_an_allowed_module_has_imported(path: str) -> None:
    """The true module and name count."""
    assert callable(pkgutil.resolve_name(path))
    targets.check(path)
    _refused(path, NOT_ALLOWED)


@pytest.mark.parametrize("path", NO_CLASSES)
def test_what_is_no_class(path: str) -> None:
    _refused(path, f"_target_ must be a class, got {path}")


@pytest.mark.parametrize("path", NOTHING)
def test_what_does_not_exist(path: str) -> None:
    _refused(path, f"_target_ {path} does not exist")


def test_a_class_given_as_an_object_is_checked_too() -> None:
    assert isinstance(instantiate({"function_class": torch.nn.ReLU}), torch.nn.ReLU)
    with pytest.raises(ValueError, match=r"got pathlib\.Path"):
        instantiate({"function_class": Path, "function_parameters": {}})


@pytest.mark.parametrize("text", ["${oc.create:{_target_: pathlib.Path}}", "a ${hydra.job.name}"])
@pytest.mark.parametrize("place", ["plain", "escaped"])
def test_what_hydra_would_resolve_after_the_check(text: str, place: str) -> None:
    """An escaped interpolation becomes one when it is resolved; Hydra resolves what it is given."""
    nodes: Any = [0, 1, 2, text] if place == "plain" else [0, 1, 2, text.replace("$", "\\$")]
    config: Any = {"_target_": "hybridfuse.interdependence.graph.Graph", "b": 5, "m": 4, "links": [], "nodes": nodes}
    if place == "escaped":
        config = OmegaConf.create(config)
    with pytest.raises(ValueError, match=r"must not hold an interpolation at this point, got .*\{"):
        instantiate(config)


def test_an_interpolation_is_resolved_before_it_is_checked() -> None:
    root = OmegaConf.create(
        {
            "evil": {"_target_": "pathlib.Path"},
            "size": 4,
            "xi": {"_target_": CHAIN, "b": 5, "m": "${size}"},
            "bad": {"_target_": CHAIN, "b": 5, "m": "${size}", "normalization": "${evil}"},
            "made": {"_target_": CHAIN, "b": 5, "m": 4, "normalization": "${oc.create:{_target_: pathlib.Path}}"},
        }
    )
    assert instantiate(root.xi).m == 4
    for name in ("bad", "made"):
        with pytest.raises(ValueError, match=r"got pathlib\.Path"):
            instantiate(root[name])


def test_a_list_of_omegaconf_in_a_plain_configuration_is_seen() -> None:
    evil = OmegaConf.create([{"_target_": "pathlib.Path"}])
    assert isinstance(evil, ListConfig)
    with pytest.raises(ValueError, match=r"got pathlib\.Path"):
        instantiate({"_target_": CHAIN, "b": 5, "m": 4, "normalization": evil})


@pytest.fixture
def outsider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package on the path that leaves a mark when it is imported."""
    package = tmp_path / "outsider_package"
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w').close()\n")
    (package / "part.py").write_text(
        "import os\nfrom hybridfuse.interdependence.chain import Chain\n"
        "class Own(Chain): ...\ndef make(b, m):\n    return Own(b, m)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(targets, "_added", [])
    importlib.invalidate_caches()
    yield "outsider_package"
    for name in [name for name in sys.modules if name.startswith("outsider_package")]:
        del sys.modules[name]


def test_nothing_is_imported_to_be_refused(outsider: str, tmp_path: Path) -> None:
    _refused(f"{outsider}.part.Own", NOT_ALLOWED)
    for config in ({"a": {"_target_": f"{outsider}.part.Own"}}, {"hydra": {"x": {"_target_": f"{outsider}.part.Own"}}}):
        with pytest.raises(ValueError, match=f"got {outsider}.part.Own"):
            targets.check_tree(config)
    assert not (tmp_path / "mark").exists()
    assert outsider not in sys.modules


def test_a_package_of_the_user(outsider: str, tmp_path: Path) -> None:
    assert not targets.added(f"{outsider}.part.Own")
    targets.allow(outsider)
    assert targets.added(f"{outsider}.part.Own")
    assert not targets.added(f"{outsider}s.part.Own")
    built = instantiate({"_target_": f"{outsider}.part.Own", "b": 5, "m": 4})
    assert isinstance(built, XIS["chain"])
    assert (tmp_path / "mark").exists()
    assert type(instantiate({"_target_": f"{outsider}.part.make", "b": 5, "m": 4})) is type(built)
    with pytest.raises(ValueError, match=NOT_ALLOWED):
        instantiate({"_target_": f"{outsider}.part.os.system", "command": "exit"})
    targets.check_tree({"xi": {"_target_": f"{outsider}.part.Own"}})


@pytest.mark.parametrize(
    ("value", "added"), [("", []), (" , ", []), ("one", ["one"]), ("one, two.three ,", ["one", "two.three"])]
)
def test_packages_of_the_environment(value: str, added: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRIDFUSE_ALLOW", value)
    spec = importlib.util.find_spec("hybridfuse.targets")
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    assert fresh._added == added
    for package in added:
        fresh.check(f"{package}.Thing")
    with pytest.raises(ValueError, match=r"allowed by HYBRIDFUSE_ALLOW=<package>, got zero\.Thing"):
        fresh.check("zero.Thing")


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration can set a variable of the environment."""
    monkeypatch.setenv("HYBRIDFUSE_ALLOW", "os")
    with pytest.raises(ValueError, match=r"got os\.system"):
        targets.check("os.system")


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({}, "must have _target_, or function_class and function_parameters, got nothing"),
        ({"sigma": 1.0}, "got sigma"),
        ({"function_class": CHAIN, "b": 4}, "got b, function_class"),
        ({"function_parameters": {}}, "got function_parameters"),
    ],
)
def test_what_is_no_configuration(config: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        instantiate(config)
    with pytest.raises(TypeError, match="must be a mapping with _target_ or function_class, got 'chain'"):
        instantiate("chain")


@pytest.mark.parametrize("parameters", [None, {}])
def test_function_parameters_may_be_left_out(parameters: dict[str, Any] | None) -> None:
    config = {"function_class": "torch.nn.ReLU", "function_parameters": parameters}
    assert isinstance(instantiate(config), torch.nn.ReLU)
    assert isinstance(instantiate({"function_class": "torch.nn.ReLU"}), torch.nn.ReLU)


def test_what_is_given_wins() -> None:
    config = {"_target_": CHAIN, "b": 1, "m": 2, "self_scaling": 3.0}
    built = instantiate(config, {"b": 7, "m": 8})
    assert (built.b, built.m, built.self_scaling) == (7, 8, 3.0)
    assert config == {"_target_": CHAIN, "b": 1, "m": 2, "self_scaling": 3.0}


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"sigma": -1.0}, ValueError, r"^sigma must be > 0, got -1\.0\.$"),
        ({"sigma": "wide"}, ValueError, "^sigma must be > 0 or median, got 'wide'.$"),
        ({"gamma": 1.0}, TypeError, "unexpected keyword argument 'gamma'"),
    ],
)
def test_errors_are_those_of_the_class(given: dict[str, Any], error: type[Exception], match: str) -> None:
    config = {"_target_": "hybridfuse.interdependence.gaussian_rbf.GaussianRbf", "b": 5, "m": 4, **given}
    with pytest.raises(error, match=match):
        instantiate(config)


BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"_target_": CHAIN}, "list": [{"_target_": "torch.nn.ReLU"}, 1, None], "n": 3},
        {"hydra": {"launcher": {"_target_": BASIC}}},
        {"hydra": {"job": {"name": "x", "env_set": {}, "env_copy": []}}},
        {"hydra": {"job_logging": {"handlers": {"console": {"class": "logging.StreamHandler"}}}}},
        {"hydra": {"job_logging": {"handlers": {"console": {"stream": "ext://sys.stdout"}}}}},
        {"hydra": {"run": {"dir": "${runs}/${now:%Y}/${hydra.job.name}"}}, "runs": "runs"},
        {"class": "one", "()": "two", "env_set": "three", "env": "ext://x"},
        OmegaConf.create({"hydra": {"launcher": {"_target_": BASIC}}, "x": [{"_target_": CHAIN}]}),
    ],
)
def test_trees_that_may_run(config: Any) -> None:
    assert targets.check_tree(config) is None


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"a": {"b": [1, [{"c": {"_target_": "os.system"}}]]}}, r"got os\.system"),
        (OmegaConf.create({"a": [{"_target_": "os.system"}]}), r"got os\.system"),
        ({"a": {"_target_": BASIC}}, "got hydra._internal"),
        ({"a": {"_target_": None}}, "got None"),
        ({"hydra": {"callbacks": {"x": {"_target_": "os.system"}}}}, r"hydra\.callbacks\.x\._target_ .*got os\.system"),
        ({"hydra": {"callbacks": {"x": {"_target_": "hybridfuse.targets.allow"}}}}, "a class of Hydra's"),
        ({"hydra": {"sweeper": {"params": {"hydra/job_logging": "evil"}}}}, "sweep with -m on the command line"),
        ({"hydra": {"mode": "MULTIRUN"}}, "sweep with -m on the command line"),
        ({"hydra": {"job_logging": {"stream": "${oc.env:NO,'ext://this.s'}"}}}, "must not lead out"),
        ({"hydra": {"callbacks": {"x": {"_target_": "hybridfuse.targets.os.system"}}}}, "a class of Hydra's"),
        ({"hydra": {"callbacks": {"x": {"_target_": "hybridfuse.hybrid.Tensor"}}}}, "a class of Hydra's"),
        ({"hydra": {"callbacks": {"x": {"_target_": "hydra._internal.utils.os.system"}}}}, "a class of Hydra's"),
        ({"hydra": {"callbacks": {"x": {"_target_": "hydra._internal.NoSuch"}}}}, "a class that exists"),
        ({"hydra": {"callbacks": {"x": {"_target_": "torch.nn.ReLU"}}}}, "a class of Hydra's"),
        ({"hydra": {"job": {"env_set": {"HYBRIDFUSE_ALLOW": "os"}}}}, "set the variable in your shell"),
        ({"hydra": {"job": {"env_set": "${other}"}}}, "set the variable in your shell"),
        ({"hydra": {"job_logging": {"formatters": {"x": {"()": "os.system"}}}}}, "it calls os.system"),
        ({"hydra": {"hydra_logging": {"filters": {"x": {"()": "pathlib.Path"}}}}}, "it calls pathlib.Path"),
        (
            {"hydra": {"job_logging": {"handlers": {"x": {"class": "subprocess.Popen"}}}}},
            "logging.StreamHandler, .*got sub",
        ),
        (
            {"hydra": {"job_logging": {"handlers": {"x": {"class": "logging.handlers.SocketHandler"}}}}},
            "must be one of",
        ),
        (
            {"hydra": {"job_logging": {"handlers": {"x": {"stream": "ext://own.module"}}}}},
            "must be one of ext://sys.stdout",
        ),
        ({"hydra": {"callbacks": "${evil}"}, "evil": {"x": {"()": "os.system"}}}, "must not lead out of Hydra's part"),
        ({"hydra": {"callbacks": {"x": "${a.b}"}}, "a": {"b": ["z"]}}, "must not lead out of Hydra's part"),
        ({"hydra": {"callbacks": {"x": "${a}"}}, "a": "${b}", "b": {"c": 1}}, "must not lead out of Hydra's part"),
        ({"hydra": {"callbacks": {"x": "${..a}"}}, "a": {"b": 1}}, "must not lead out of Hydra's part"),
        ({"hydra": {"callbacks": {"x": "${oc.create:{_target_: os.system}}"}}}, "must not lead out of Hydra's part"),
    ],
)
def test_trees_that_may_not(config: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        targets.check_tree(config)
