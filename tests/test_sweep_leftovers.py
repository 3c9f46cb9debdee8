"""What a sweep that was killed while it wrote its plan leaves behind."""

import os
import sys
import time
from pathlib import Path

import pytest

from hybridfuse.main import main
from hybridfuse.sweep import sweep
from hybridfuse.sweep.engine import Ended


def test_what_a_killed_sweep_left_goes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "fusion=mean,max", "sweep.name=s"])
    monkeypatch.setattr(sweep, "_run", lambda plan, to_do, *_: {n: Ended(n, "interrupted") for n in to_do})

    def swept() -> set[str]:
        with pytest.raises(SystemExit):
            main()
        return {path.name for path in (tmp_path / "runs" / "s").iterdir()}

    (plan,) = swept()
    stem = plan.removesuffix(".json")
    kept = {f".{stem}-0123abcd.json", f".{stem}-x-0123abcd.json", f".{stem}-0123abcd.txt", ".sweep-1-0123abcd.json"}
    old = f".{stem}-89abcdef.json"
    for name in (*kept, old):
        (tmp_path / "runs" / "s" / name).write_text("{")
    for name in {old, *kept} - {f".{stem}-0123abcd.json"}:
        os.utime(tmp_path / "runs" / "s" / name, (time.time() - 100, time.time() - 100))
    assert swept() == {plan, *kept}
