"""Whether each experiment of `conf` runs as it is written, with what is written in it, on a few rows."""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hybridfuse.data import fetch
from hybridfuse.main import main

EXPERIMENTS = sorted((Path(__file__).parents[1] / "conf" / "experiment").glob("*.yaml"))
SMALL = {"trainer.max_epochs": 2, **{f"+trainer.limit_{split}_batches": 2 for split in ("train", "val", "test")}}


@pytest.fixture(params=EXPERIMENTS, ids=lambda path: path.stem)
def experiment(request: pytest.FixtureRequest) -> Path:
    return request.param


def leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Values of a plain configuration by their keys, joined by dots."""
    if not isinstance(node, Mapping):
        yield place, node
        return
    for key, value in node.items():
        yield from leaves(value, f"{place}.{key}" if place else str(key))


def skipped(file: fetch.PublicFile, place: Path) -> Path:
    pytest.skip(f"HYBRIDFUSE_DATA names no folder with {file.folder}/{file.name}")


def test_an_experiment_says_how_it_was_chosen(experiment: Path) -> None:
    lines = experiment.read_text().splitlines()
    assert lines[0] == "# @package _global_"
    comment = " ".join(line.removeprefix("#").strip() for line in lines[: lines.index("defaults:")])
    assert re.search("[Cc]hosen on .*validation|nothing (is|was) chosen|Planted", comment)


@pytest.mark.slow
def test_an_experiment_runs(
    experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the end, without a word of complaint, and each setting of the file is one of the run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch, "_downloaded", skipped)
    words = [f"{key}={value}" for key, value in SMALL.items()]
    monkeypatch.setattr(sys, "argv", ["train.py", f"experiment={experiment.stem}", "device=cpu", "logger=none", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (0, "")
    (path,) = tmp_path.glob(f"runs/{experiment.stem}/*/record.json")
    record = json.loads(path.read_text())
    assert (record["status"], record["epochs"]) == ("done", 2)
    assert all(math.isfinite(value) for value in record["metrics"].values())
    written, run = OmegaConf.load(experiment), OmegaConf.load(path.with_name("config.yaml"))
    found = dict(leaves(OmegaConf.to_container(run)))
    for key, value in leaves(OmegaConf.to_container(written)):
        assert key == "defaults" or found[key] == SMALL.get(key, value), key
