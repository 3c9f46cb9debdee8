"""Where jobs run: they end once and for themselves, whatever becomes of their neighbours."""

import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import engine_drive
from engine_drive import CANCELLED, DONE, FAILS, KILLED, LOST
from hybridfuse.command import CommandError
from hybridfuse.main import conf_directory
from hybridfuse.sweep.cluster_launchers import Ray, Slurm
from hybridfuse.sweep.launchers import Basic, Pool

PACKAGES = {"ray": "ray", "slurm": "submitit", "debug": "submitit"}
ENDS = {DONE: "done", FAILS: "failed", KILLED: "interrupted", CANCELLED: "interrupted", LOST: "interrupted"}
RECORDS = {DONE: "done", FAILS: "failed", KILLED: "running", CANCELLED: "interrupted", LOST: "running"}


def driven(engine: str, folder: Path) -> dict:
    """What happened, of a process of its own: what was imported or computed here may not be forked."""
    if engine in PACKAGES and importlib.util.find_spec(PACKAGES[engine]) is None:
        pytest.skip(f"{PACKAGES[engine]} is not installed")
    command = [sys.executable, engine_drive.__file__, engine, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, cwd=folder, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    *printed, said = ran.stdout.splitlines()
    assert printed == []
    return json.loads(said)


def record(said: dict, number: int) -> dict:
    return json.loads((Path(said["folders"][str(number)]) / "record.json").read_text())


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Of the job that is done, where nothing else runs."""
    return record(driven("basic", tmp_path_factory.mktemp("basic")), DONE)["metrics"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("engine", ["pool", "ray", "slurm", "debug"])
def test_each_job_ends_once_and_for_itself(engine: str, metrics: dict, tmp_path: Path) -> None:
    said = driven(engine, tmp_path)
    jobs = engine_drive.JOBS.get(engine, engine_drive.EVERY)
    ended = [(number, outcome) for kind, number, outcome in said["heard"] if kind == "Ended"]
    assert sorted(ended) == [(number, ENDS[number]) for number in jobs]
    sentences = {number: sentence for kind, number, sentence in said["heard"] if kind == "sentence"}
    assert "nowhere.csv" in sentences[FAILS]
    assert all("killed" in sentences[number] for number in {KILLED, LOST} & set(jobs))
    epochs = [what for kind, number, what in said["heard"] if (kind, number) == ("Progressed", DONE)]
    assert epochs == [1, 2]
    for number in jobs:
        assert next(kind for kind, its, _ in said["heard"] if its == number) == "Started"
        assert record(said, number)["status"] == RECORDS[number]
    assert record(said, DONE)["metrics"] == metrics
    assert (said["left"], said["open"]) == ([], [])


@pytest.mark.parametrize("launcher", [Basic, Pool, Ray, Slurm])
def test_the_options_of_a_launcher_are_those_of_its_class(launcher: type) -> None:
    path = conf_directory() / "hydra" / "launcher" / f"{launcher.__name__.lower()}.yaml"
    given = OmegaConf.to_container(OmegaConf.load(path))
    assert given.pop("_target_") == f"hydra_plugins.hybridfuse.{launcher.__name__}"
    taken = {name: one.default for name, one in inspect.signature(launcher).parameters.items()}
    assert {**given, **{name: tuple(v) for name, v in given.items() if isinstance(v, list)}} == taken


@pytest.mark.parametrize(
    ("launcher", "setting", "sentence"),
    [
        (Ray, {"workers": 0}, r"^hydra.launcher.workers must be >= 1, got 0\.$"),
        (Ray, {"num_cpus": 0}, r"^hydra.launcher.num_cpus must be > 0, got 0\.$"),
        (Ray, {"num_cpus": "two"}, r"^hydra.launcher.num_cpus must be a number, got 'two'\.$"),
        (Ray, {"num_gpus": -1}, r"^hydra.launcher.num_gpus must be >= 0, got -1\.$"),
        (Ray, {"num_gpus": 1.5}, r"^hydra.launcher.num_gpus must be a whole number, or below 1 .*, got 1.5\.$"),
        (Ray, {"address": 6379}, r"^hydra.launcher.address must be of str objects, got int\.$"),
        (Slurm, {"cluster": "slrum"}, r"^hydra.launcher.cluster must be one of .*; did you mean slurm\?$"),
        (Slurm, {"timeout_min": 0.5}, r"^hydra.launcher.timeout_min must be a whole number, got 0.5\.$"),
        (Slurm, {"requeues": -1}, r"^hydra.launcher.requeues must be >= 0, got -1\.$"),
        (Slurm, {"mem_gb": 0}, r"^hydra.launcher.mem_gb must be > 0, got 0\.$"),
    ],
)
def test_a_wrong_setting_is_named(launcher: type, setting: dict, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        launcher(**setting)


@pytest.mark.parametrize(("launcher", "package"), [(Ray, "ray"), (Slurm, "submitit")])
def test_a_package_that_is_missing_is_named(launcher: type, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for variable in ("RAY_USAGE_STATS_ENABLED", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"):
        monkeypatch.setenv(variable, "0")  # so that what is set here is taken back
    name = launcher.__name__.lower()
    with pytest.raises(CommandError, match=rf'^hydra/launcher={name} needs {package}, .*: pip install "hybridfuse\['):
        launcher().open([])
