"""SIGTERM while a sweep is planned."""

import os
import signal
import sys
from pathlib import Path

import pytest

from hybridfuse.main import INTERRUPTED, main
from hybridfuse.sweep import sweeper


def test_a_sweep_that_is_told_to_end_before_it_has_begun_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "fusion=mean,max"])
    monkeypatch.setattr(sweeper, "planned", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("it was not expected"))
    try:
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    assert list(tmp_path.iterdir()) == []
