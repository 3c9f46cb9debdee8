"""Sweeps that are hit by everything that can hit them: nothing is lost, nothing runs twice, nothing stays behind."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parents[1] / "train.py"
HITS = int(os.environ.get("HYBRIDFUSE_TEST_HITS", "8"))
"""How often the sweep is hit; 50 take some minutes."""
WORDS = [
    *("data=iris", "data.batch_size=15", "device=cpu", "trainer.max_epochs=20", "callbacks=minimal", "logger=none"),
    *("callbacks.resume.seconds=0.2", "interdependence=[chain],[chain,cosine_similarity]", "fusion=mean,max,sum"),
    *("sweep.seeds=3", "hydra.launcher.workers=2"),
]


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), "-m", *WORDS, *words]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def records(folder: Path) -> dict[str, dict]:
    found = sorted(folder.glob("runs/*/*/record.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def family(pid: int) -> Iterator[int]:
    """All processes below one."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = path.read_text().split(" ", 1)
        except OSError:
            continue
        if int(rest.rpartition(")")[2].split()[1]) == pid:
            yield int(number)
            yield from family(int(number))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    folder = tmp_path_factory.mktemp("undisturbed")
    process = begin(folder)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return records(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_sweep_hit_at_random_ends_as_if_undisturbed(undisturbed: dict[str, dict], tmp_path: Path) -> None:
    chance = random.Random(0)
    hits, process = 0, begin(tmp_path)
    deadline = time.monotonic() + 120 + 20 * HITS
    while time.monotonic() < deadline:
        time.sleep(chance.uniform(0.3, 2.5))
        if process.poll() is not None:
            if process.returncode == 0:
                break
            process.communicate()
            process = begin(tmp_path)
            continue
        if hits < HITS:
            hits += 1
            hit(process.pid, chance)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert list(family(process.pid)) == []
    found = records(tmp_path)
    assert found.keys() == undisturbed.keys()
    for name, record in found.items():
        assert (record["status"], record["metrics"]) == ("done", undisturbed[name]["metrics"]), name


def hit(parent: int, chance: random.Random) -> None:
    """Sends a signal to the parent, or to one of the processes below it."""
    below = list(family(parent))
    target = chance.choice([parent, *below, *below])
    kind = chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    try:
        os.kill(target, kind)
    except ProcessLookupError:
        return


def test_two_parents_share_the_work(undisturbed: dict[str, dict], tmp_path: Path) -> None:
    both = [begin(tmp_path), begin(tmp_path)]
    told = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    found = records(tmp_path)
    assert {name: record["metrics"] for name, record in found.items()} == {
        name: record["metrics"] for name, record in undisturbed.items()
    }
    assert len({record["process"]["id"] for record in found.values()}) == len(found)
    assert not list(tmp_path.glob("runs/*/*.lock"))
