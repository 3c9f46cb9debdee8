"""Breaks the library in one place at a time and sees whether a test notices. Run by hand:

    python tests/mutate.py --limit 60 --seed 0 hybridfuse/functional hybridfuse/hybrid.py

The first run writes down which lines each test executes (minutes; kept in .pytest_cache). Each mutant is then a forked
process (not on Windows) that exchanges the code of one file in memory and runs the tests that reach the place until one
fails. A survivor is a place where the tests are blind, or a change that changes nothing.
"""

import argparse
import contextlib
import gc
import io
import os
import random
import re
import resource
import signal
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mutation.changes import ROOT, Mutant, mutants
from mutation.loaded import Loaded
from mutation.reached import Record

FILES = [
    *(f"hybridfuse/{part}" for part in ("functional", "interdependence", "fusion", "postprocess", "reconciliation")),
    "hybridfuse/hybrid.py",
]
MATHEMATICS = r"^(from|import) (catalogue|families|hybridfuse\.functional)"
"""What a test of mathematics imports."""
LONGEST = 30.0, 20.0
"""A test that takes that many seconds of a processor, or times what it took before, never ends; by the clock, ten times
as many."""
MEMORY = 16 * 2**30
ALIVE, KILLED, UNCHANGED, LOST = range(4)
SAID = "alive", "killed", "changes nothing that is imported", "could not be tried"


def mathematics() -> list[str]:
    found = sorted((ROOT / "tests").glob("test_*.py"))
    return [path.stem.removeprefix("test_") for path in found if re.search(MATHEMATICS, path.read_text(), re.MULTILINE)]


class Mutation:
    """A plugin that runs the collected tests on one mutant after another, each in a process of its own."""

    def __init__(self, mutants: list[Mutant], jobs: int, seconds: float) -> None:
        self.mutants, self.jobs, self.seconds = mutants, jobs, seconds
        self.ended = Counter[int]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        torch.set_num_threads(1)
        record = Record(session.items)
        loaded = Loaded()
        gc.freeze()
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            while len(running) == self.jobs:
                self._wait(running)
            if child := os.fork():
                running[child] = mutant
                continue
            code = LOST
            try:
                code = _tested(session, record, loaded, mutant, self.seconds)
            finally:  # whatever happens, the child must not go on as if it were its parent
                os._exit(code)
        while running:
            self._wait(running)
        return True

    def _wait(self, running: dict[int, Mutant]) -> None:
        """Until a child has ended."""
        child, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        mutant = running.pop(child)
        if code < 0:
            _tell(mutant, KILLED, f"by {signal.Signals(-code).name}")
        elif code == LOST:
            _tell(mutant, LOST)
        self.ended[KILLED if code < 0 else code] += 1
        counted = ", ".join(f"{number} {SAID[code]}" for code, number in sorted(self.ended.items()))
        print(f"{self.ended.total()}/{len(self.mutants)}: {counted}", file=sys.__stderr__, flush=True)


def _tell(mutant: Mutant, code: int, *words: str) -> int:
    print(SAID[code], *words, mutant, sep="\t", file=sys.__stdout__, flush=True)
    return code


def _tested(session: pytest.Session, record: Record, loaded: Loaded, mutant: Mutant, seconds: float) -> int:
    """What became of a mutant, in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    items = record.concerned(mutant)
    try:
        if not loaded.exchange(mutant.path, mutant.text):
            return _tell(mutant, UNCHANGED)
    except ImportError:
        return _tell(mutant, KILLED, "by its import")
    tried = 0
    for item, following in pairwise([*items, None]):
        if time.process_time() > seconds:
            break
        if not _passes(session, item, following, record.tests[item.nodeid].seconds):
            return _tell(mutant, KILLED, f"by {item.nodeid}")
        tried += 1
    return _tell(mutant, ALIVE, f"after {tried} of {len(items)} tests")


def _passes(session: pytest.Session, item: pytest.Item, following: pytest.Item | None, seconds: float) -> bool:
    """Whether a test passes that once took some seconds; ends this process if the test does not end."""
    least, times = LONGEST
    limit = max(least, times * seconds)
    signal.setitimer(signal.ITIMER_PROF, limit)
    signal.alarm(round(10 * limit))
    failed = session.testsfailed
    session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return session.testsfailed == failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="files or folders below the root")
    parser.add_argument("--limit", type=int, help="try that many, chosen at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--again", type=Path, help="try only the survivors of an earlier run, whose output this file is"
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    parser.add_argument("--seconds", type=float, default=600.0, help="of a processor, on a mutant, at most")
    parser.add_argument("--tests", nargs="*", default=mathematics(), help="names of test files, without test_ and .py")
    given = parser.parse_args()
    files = [path for name in given.files for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    found = [mutant for path in files for mutant in mutants(path)]
    if given.again:
        told = [line.split("\t") for line in given.again.read_text().splitlines()]
        alive = {words[-1] for words in told if words[0] == SAID[ALIVE]}
        chosen = [mutant for mutant in found if str(mutant) in alive]
    else:
        chosen = random.Random(given.seed).sample(found, min(given.limit or len(found), len(found)))
    mutation = Mutation(chosen, given.jobs, given.seconds)
    options = ["-q", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow", "--assert=plain"]
    os.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*options, *(f"tests/test_{name}.py" for name in given.tests)], plugins=[mutation])
    tried = mutation.ended[ALIVE] + mutation.ended[KILLED]
    print(f"{mutation.ended[ALIVE]} of {tried} alive ({mutation.ended[ALIVE] / max(tried, 1):.1%})", end="; ")
    print(f"{mutation.ended[UNCHANGED]} change nothing, {mutation.ended[LOST]} lost; {len(found)} possible")


if __name__ == "__main__":
    main()
