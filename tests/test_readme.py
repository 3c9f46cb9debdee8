"""The README is true: its commands are accepted, its Python runs, its function of your own works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hybridfuse import command
from hybridfuse.main import conf_directory

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python train\.py ?(.*)$", README, re.MULTILINE)
BLOCKS = dict(re.findall(r"```(?:python|yaml)\n(?:# (\S+)\n)?(.*?)```", README, re.DOTALL))


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_accepted(line):
    command.check(conf_directory(), shlex.split(line))


def test_there_are_commands_and_blocks():
    assert len(COMMANDS) >= 7
    assert set(BLOCKS) == {"", "mypackage/distance.py", "myconf/interdependence/product.yaml"}


def test_settings_in_the_table_exist():
    for setting in re.findall(r"`'?([+\w@.]+=[^`']+)'?`", README.partition("## Settings")[2]):
        words = ["interdependence=[chain,graph]", setting]
        command.check(conf_directory(), words)


def test_python_runs(capsys):
    variables = {}
    exec(BLOCKS[""], variables)
    assert variables["hybrid"].calculate_A(variables["x"]).shape == (256, 256)
    ways = capsys.readouterr().out.partition("  takes ")[0]
    assert "".join(f"    {line}\n" for line in ways.splitlines()) in README


@pytest.mark.slow
def test_a_function_of_your_own(tmp_path):
    for name in ("mypackage/distance.py", "myconf/interdependence/product.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(BLOCKS[name])
    words = ["--config-dir", "myconf", "interdependence=[chain,product]", "reference=batch"]
    assert " ".join(words).replace("[chain,product]", "[chain,product]'").replace("interdep", "'interdep") in README
    words += ["data=iris", "trainer=quick", "device=cpu"]
    environment = os.environ | {"HYBRIDFUSE_ALLOW": "mypackage", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "chain, product" in done.stdout
