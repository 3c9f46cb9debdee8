"""What a sweep shows while it runs: a live picture on a terminal, elsewhere a line for each job."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from hybridfuse.description import Configuration, Description
from hybridfuse.sweep.display import Display, span
from hybridfuse.sweep.engine import Ended, Job, Progressed, Started

NAMES = {0: "interdependence=[chain] seed=0", 1: "interdependence=[a,b] seed=0", 2: "interdependence=[c] seed=0"}


@pytest.fixture
def shown(tmp_path: Any) -> Any:
    """A display of three jobs, the text that it has written, and how records get there."""
    plain = {"runs": str(tmp_path), "data": {}, "interdependence": {}}
    jobs = {
        number: Job(
            number, Description(Configuration({**plain, "seed": 0, "n": number}, CHOICES, f"{number}", "m"), 0, [])
        )
        for number in NAMES
    }
    display: Any = Display(jobs, NAMES, len(jobs), 2, None)
    display._console = Console(file=io.StringIO(), width=200)

    def done(number: int, accuracy: float) -> None:
        folder = jobs[number].description.folder
        folder.mkdir(parents=True)
        facts = jobs[number].description.facts
        record = {**facts, "status": "done", "error": None, "metrics": {"val/accuracy": accuracy}, "duration_s": 2.0}
        (folder / "record.json").write_text(json.dumps(record))
        display.heard(Ended(number, "done"))

    return display, done


CHOICES = {"data": "digits", "model": "mlp"}


def written(display: Any) -> str:
    return display._console.file.getvalue()


def test_a_line_for_each_job_that_ended(shown: Any) -> None:
    display, done = shown
    display.heard(Started(0))
    done(0, 0.875)
    display.heard(Started(1))
    display.heard(Ended(1, "failed", "no such column"))
    lines = written(display).splitlines()
    assert lines[0].startswith("[1/3] done interdependence=[chain] seed=0: val/accuracy 0.8750 (2.0 s)")
    assert lines[1].startswith("[2/3] FAILED interdependence=[a,b] seed=0: no such column")


def test_the_picture_has_what_runs_and_the_best_so_far(shown: Any) -> None:
    display, done = shown
    for number in (0, 1, 2):
        display.heard(Started(number))
    done(0, 0.5)
    done(1, 0.75)
    display.heard(Progressed(2, 7, 60, {"val/loss": 1.0, "val/accuracy": 0.25}))
    console = Console(file=io.StringIO(), width=200)
    console.print(display._picture())
    picture = console.file.getvalue()
    assert "2/3  2 done, 1 running" in picture
    assert "interdependence=[c] seed=0" in picture
    assert "epoch 7/60" in picture
    assert "val/accuracy 0.2500" in picture
    assert "best so far: interdependence=[a,b] seed=0, val/accuracy 0.7500" in picture


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (3599.6, "1 h 0 min"), (18_600, "5 h 10 min")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words
