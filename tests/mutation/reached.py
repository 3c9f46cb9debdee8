"""Which tests reach a line: each runs once while the lines of the package that it executes are written down."""

import hashlib
import json
import os
import sys
import threading
import time
import types
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from mutation.changes import ROOT, Mutant

RECORD = ROOT / ".pytest_cache" / "reached.json"
PACKAGE = f"{ROOT / 'hybridfuse'}{os.sep}"


class Test(NamedTuple):
    """What a test costs, in seconds of a processor, and the lines of each file that it executes."""

    seconds: float
    lines: dict[str, list[int]]

    def reaches(self, mutant: Mutant) -> bool:
        lines = self.lines.get(str(mutant.path), [])
        return bool(lines) and (mutant.lines is None or not mutant.lines.isdisjoint(lines))


class Record:
    """Tests that passed, by their id, and the texts of the files of which that holds."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._items = {item.nodeid: item for item in items}
        self._texts = _texts()
        self.tests = _recorded(self._texts)
        missing = [item for item in items if item.nodeid not in self.tests]
        if missing and not os.fork():  # a process of its own, so that this one keeps nothing of them
            try:
                self._complete(missing)
            finally:
                os._exit(0)
        elif missing:
            os.wait()
            self.tests = _recorded(self._texts)

    def _complete(self, missing: list[pytest.Item]) -> None:
        try:
            for number, (item, following) in enumerate(pairwise([*missing, None]), 1):
                self._run(item, following)
                print(f"recorded {number}/{len(missing)}", end="\r", file=sys.__stderr__, flush=True)
        finally:
            self._save()

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        failed, start = item.session.testsfailed, time.process_time()
        with Traced() as traced:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed == failed:
            self.tests[item.nodeid] = Test(time.process_time() - start, traced.by_file())
        else:
            print(f"left out, as it fails: {item.nodeid}", file=sys.__stdout__, flush=True)

    def _save(self) -> None:
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps([self._texts, self.tests]))

    def concerned(self, mutant: Mutant) -> list[pytest.Item]:
        """Tests that reach a change, one case of each test function and then another one of each, fastest first."""
        reaching = [name for name, test in self.tests.items() if name in self._items and test.reaches(mutant)]
        seen = Counter[str]()
        ranked: list[tuple[int, float, str]] = []
        for name in sorted(reaching, key=lambda name: self.tests[name].seconds):
            function = name.partition("[")[0]
            seen[function] += 1
            ranked.append((seen[function], self.tests[name].seconds, name))
        return [self._items[name] for _, _, name in sorted(ranked)]


class Traced:
    """Writes down which lines of the package run, in this thread and in those that start meanwhile."""

    def __init__(self) -> None:
        self._ran: set[tuple[str, int]] = set()

    def __enter__(self) -> "Traced":
        threading.settrace(self._called)
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def by_file(self) -> dict[str, list[int]]:
        lines = defaultdict[str, list[int]](list)
        for path, line in sorted(self._ran):
            lines[path].append(line)
        return lines

    def _called(self, frame: types.FrameType, event: str, argument: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _line(self, frame: types.FrameType, event: str, argument: object) -> Any:
        self._ran.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line


def _recorded(texts: dict[str, str]) -> dict[str, Test]:
    """What is known of tests, where neither their file nor one that they reach has changed since."""
    if not RECORD.exists():
        return {}
    known, tests = json.loads(RECORD.read_text())
    same = {path for path, text in texts.items() if known.get(path) == text}
    found = {name: Test(*test) for name, test in tests.items()}
    return {name: test for name, test in found.items() if {_file(name), *test.lines} <= same}


def _texts() -> dict[str, str]:
    """What tells apart the texts of the package and of the tests."""
    paths = [*(ROOT / "hybridfuse").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _file(name: str) -> str:
    """The file of a test's id."""
    return str(ROOT / name.partition("::")[0])
