"""`python -m hybridfuse.summary`: what it reads, says and writes, and what of a mistaken command it says."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from hybridfuse import summary
from hybridfuse.hparams import METRICS
from hybridfuse.report import leaderboards, output, read
from hybridfuse.report.hparams import write_hparams
from hybridfuse.report.plot import MOST, figure
from hybridfuse.report.show import show
from hybridfuse.report.unfinished import lines
from made_up import record, write

SEEDS = range(3)


@pytest.fixture
def folder(tmp_path):
    """A sweep of two configurations and a control, three seeds each."""
    wide = [record(0.9 - 0.01 * seed, seed=seed) for seed in SEEDS]
    single = [record(0.7 - 0.02 * seed, ("chain",), seed=seed) for seed in SEEDS]
    write(tmp_path / "runs" / "made", *wide, *single, *(record(0.6, (), seed=seed) for seed in SEEDS))
    return tmp_path / "runs" / "made"


def job(folder, name, text):
    (folder / name).mkdir(parents=True)
    (folder / name / "record.json").write_text(text)
    return folder / name


# Reading

BROKEN = {
    "": "it is no JSON: Expecting value",
    "{": "it is no JSON: ",
    "[1]": "a record must be a JSON object, got list",
    "{}": "data is missing",
    json.dumps(record(status="finished")): "status must be one of running, done, failed, interrupted, pruned, got",
    json.dumps(record() | {"seed": "1"}): "seed must be of type int, got '1'",
    json.dumps(record() | {"seed": True}): "seed must be of type int, got True",
    json.dumps(record(metrics={"val/loss": "x"})): "metrics must be numbers, got val/loss 'x'",
    json.dumps(record(metrics=[1])): "metrics is [1], which it cannot be",
    json.dumps(record(metrics={})): "a run that is done must have metrics",
    json.dumps(record(data=None)): "data must be of type dict, got None",
}


def test_records_that_cannot_be_read_are_named_and_left_alone(folder, capsys):
    places = [job(folder, f"broken{place}", text) / "record.json" for place, text in enumerate(BROKEN)]
    (folder / "empty").mkdir()
    (folder / "sweep-123.json").write_text("{}")
    bytes_ = job(folder, "bytes", "") / "record.json"
    bytes_.write_bytes(b"\xff\xfe\x00")
    (folder / "link").mkdir()
    (folder / "link" / "record.json").mkdir()
    found = read(folder)
    assert len(found.rows) == 9
    reasons = {one.path: one.reason for one in found.unreadable}
    assert set(reasons) == {*places, bytes_, folder / "link" / "record.json"}
    assert all(reasons[place].startswith(reason) for place, reason in zip(places, BROKEN.values(), strict=True))
    assert reasons[folder / "link" / "record.json"] == "Is a directory"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert summary.run([str(folder)]) == 0
    said = capsys.readouterr().out
    assert "unreadable: 13 of the records" in said
    assert all(f"  {place}: {reason}" in said for place, reason in zip(places, BROKEN.values(), strict=True))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_a_rerun_kept_aside_does_not_count(folder):
    job(folder, "run0000-0123456789.1", json.dumps(record(0.1, seed=0)))
    job(folder, "run0000-0123456789.12", json.dumps(record(0.1, seed=9)))
    job(folder, ".unfinished", json.dumps(record(0.1, seed=9)))
    assert len(read(folder).rows) == 9


def test_a_run_whose_process_is_gone_was_interrupted(folder):
    process = {"id": 2**22 + 1, "host": socket.gethostname()}
    mine = process | {"id": os.getpid()}
    elsewhere = process | {"host": "elsewhere"}
    alive = process | {"id": os.getppid()}
    running = [record(status="running", process=one) for one in (process, mine, elsewhere, alive)]
    found = read(folder, write(folder.parent / "other", *running)).rows
    assert [row.status for row in found] == ["interrupted", "running", "running", "running"]


def test_unfinished_runs_are_listed_with_sentence_and_folder(folder):
    states = [
        record(status="failed", error="ValueError: a [sentence]\nof two lines", data={"name": "digits"}),
        record(status="failed", error=None, baseline=None, metrics={}),
        record(status="interrupted", metrics={}),
        record(status="pruned"),
        record(status="pruned"),
    ]
    jobs = write(folder.parent / "other", *states)
    assert lines(read(folder.parent / "other")) == [
        "failed: 2 runs",
        f"  {jobs[0]}: ValueError: a [sentence] of two lines",
        f"  {jobs[1]}",
        "interrupted: 1 run",
        f"  {jobs[2]}",
        "pruned: 2 runs",
    ]
    assert lines(read(folder.parent / "other"), most=1)[:3] == [
        "failed: 2 runs",
        f"  {jobs[0]}: ValueError: a [sentence] of two lines",
        "  and 1 more",
    ]


def test_the_folder_above_has_all_runs(folder):
    write(folder.parent / "other", record(0.1, ("one",)))
    assert len(read(folder.parent).rows) == 10


def test_some_runs_of_a_folder(folder, capsys):
    jobs = [*sorted(folder.iterdir())[3:6], folder / "not there"]
    assert read(folder, jobs).unreadable == []
    (board,) = show(folder, jobs)
    assert [(entry.label, len(entry.rows)) for entry in board.entries] == [("chain", 3)]
    assert "gaussian_rbf" not in capsys.readouterr().out


def test_ten_thousand_records_are_read_in_seconds(tmp_path):
    """A tenth of them, in a tenth of the time and much more."""
    text = json.dumps(record())
    for place in range(1000):
        job(tmp_path, f"run{place}", text.replace('"seed": 0', f'"seed": {place}'))
    begin = time.perf_counter()
    assert len(read(tmp_path).rows) == 1000
    assert time.perf_counter() - begin < 5


# Commands


def test_the_answer_of_a_folder(folder, capsys):
    assert summary.run([str(folder)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "digits"
    assert [re.split(r"  +", line)[:4] for line in said[2:6]] == [
        ["best", "chain+gaussian_rbf mean", "fused", "3"],
        ["worse", "chain", "single", "3"],
        ["worse", "mlp", "control", "3"],
        ["", "naive answer", "naive", "0.1000 ± 0.0000"],
    ]
    assert "0.8900 ± 0.0100  [0.8652, 0.9148]" in said[2]
    assert said[6].startswith("Sorted by val/accuracy (higher is better): ")
    assert len(said) == 7


def test_options_reach_the_table(folder, capsys):
    options = ["metric=test/f1", "interval=bootstrap", "test=wilcoxon", "top=1"]
    assert summary.run([*options, str(folder)]) == 0
    said = capsys.readouterr().out
    for part in ("Sorted by test/f1", "BCa", "Wilcoxon", "and 2 more configurations", "Selected on the test split"):
        assert part in said


def test_two_folders(folder, capsys):
    other = folder.parent / "other"
    write(other, *(record(0.95 - 0.011 * seed, seed=seed) for seed in SEEDS), record(status="failed"))
    assert summary.run([str(folder), str(other)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^better +chain\+gaussian_rbf mean .* 3 +0\.0490 ", said, re.MULTILINE)
    assert said.endswith(f"only before: 2; only after: 0.\n{other}:\nfailed: 1 run\n")
    assert summary.run([str(folder), str(folder), "metric=val/loss"]) == 0
    assert "digits, val/loss" in capsys.readouterr().out


def test_nothing_finished_is_said(tmp_path, capsys):
    write(tmp_path, record(status="failed", error="OSError: no"))
    assert summary.run([str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"no run in {tmp_path} is done\nfailed: 1 run\n")
    assert summary.run([str(tmp_path), f"out={tmp_path / 'a.csv'}"]) == 2
    assert not (tmp_path / "a.csv").exists()


WRONG = {
    "": r"give the folder of the runs, or two to compare, got 0; --help shows how\.",
    "{0} {0} {0}": r"got 3; --help",
    "{0}x": r"there is no folder .*madex; did you mean made\?",
    "{0}/run0000-0123456789": r"is a single run: give the folder above it, .*made\.",
    "{0} metrik=val/loss": r"metrik is no setting; did you mean metric\?",
    "{0} a=b": r"a is no setting; there are metric, interval, test, top, out, tensorboard\.",
    "{0} metric=": r"metric must be given once, with a value, got metric=\.",
    "{0} test=t test=t": r"test must be given once",
    "{0} metric=val/acuracy": r"metric must be one of val/accuracy, .*did you mean val/accuracy\?",
    "{0} interval=normal": r"interval must be one of t, bootstrap, got 'normal'\.",
    "{0} test=wilcox": r"did you mean wilcoxon\?",
    "{0} top=many": r"top must be a whole number, got many\.",
    "{0} top=0": r"top must be >= 1, got 0\.",
    "{0} out={0}/a.pgn": r"the suffix of out must be one of \.csv, \.md, \.tex, \.png, got '\.pgn'; did .* \.png\?",
    "{0} out={0}/no/a.png": r"out must be a file in a folder that exists, got .*a\.png\.",
    "{0} tensorboard=yes": r"tensorboard must be one of true, false, got 'yes'\.",
    "{0} {0} out={0}/a.csv": r"two folders are compared on the screen: out, top and tensorboard take one folder\.",
}


def test_a_wrong_command_is_one_sentence(folder, capsys):
    for words, expected in WRONG.items():
        assert summary.run(words.format(folder).split()) == 2, words
        said = capsys.readouterr()
        assert re.search(expected, said.err), (said.err, expected)
        assert (said.err.count("\n"), said.out) == (1, ""), words


def test_help_names_every_setting(capsys):
    assert summary.run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name}=" in said for name in summary.KEYS)
    assert max(map(len, said.splitlines())) <= 120


@pytest.mark.slow
def test_the_program_answers_without_torch_and_ends_with_its_code(folder):
    code = (
        "import sys; from hybridfuse import summary; c = summary.run(sys.argv[1:]); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert "chain+gaussian_rbf mean" in done.stdout
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "hybridfuse.summary"]
    plain = subprocess.run([*words, str(folder)], capture_output=True, text=True, env=environment, check=False)
    assert (plain.returncode, plain.stderr) == (0, "")
    wrong = subprocess.run([*words, "nowhere"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "error: there is no folder nowhere.\n")


# Files


def test_files_of_all_forms(folder, capsys):
    names = ["a.csv", "a.MD", "a.tex", "a.png"]
    assert summary.run([str(folder), f"out=[{','.join(str(folder / name) for name in names)}]"]) == 0
    begins = [(folder / name).read_bytes()[:8] for name in names]
    assert begins == [b"data,sel", b"## digit", b"% needs ", b"\x89PNG\r\n\x1a\n"]
    assert f"written: {folder / 'a.tex'}\n" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == sorted(names)


def test_a_file_that_cannot_be_written_stays_as_it_was(folder, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for name in ("a.csv", "a.png"):
        (folder / name).write_text("old")
        assert summary.run([str(folder), f"out={folder / name}"]) == 1
        assert "nothing can be written: No space left on device" in capsys.readouterr().err
        assert (folder / name).read_text() == "old"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["a.csv", "a.png"]


def test_the_picture_has_a_point_a_seed_and_the_grid(tmp_path):
    sets = (("a", "b"), ("a", "c"))
    found = [record(0.5, names, f, s) for names in sets for f in ("mean", "max") for s in SEEDS]
    many = [record(0.5, (f"f{k}",), data={"name": "other", "sha256": ""}) for k in range(MOST + 5)]
    write(tmp_path, *found, *many)
    drawn = figure(leaderboards(read(tmp_path).rows))
    metric, test, heat, other, *rest = drawn.axes
    points = [len(collection.get_offsets()) for collection in metric.collections]
    assert points == [3, 3, 3, 3]
    assert metric.get_yticklabels()[0].get_text() == "a+b max"
    assert (metric.get_xlabel(), test.get_xlabel()) == ("val/accuracy", "test/accuracy (naive answer 0.1)")
    assert test.get_xlim()[0] > 0.3  # the naive answer does not decide the scale
    assert heat.images[0].get_array().shape == (2, 2)
    assert [text.get_text() for text in heat.texts] == ["0.5000"] * 4
    assert len(other.collections) == MOST
    assert other.get_title(loc="left").startswith(f"other, the first {MOST} of {MOST + 5}")
    assert not rest[1].axison
    output.write(leaderboards(read(tmp_path).rows), tmp_path / "a.png")


# TensorBoard


def entries(folder):
    """The scalars and choices of each entry."""
    found = {}
    for place in sorted((folder / "summary").iterdir()):
        events = EventAccumulator(str(place)).Reload()
        begin = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        chosen = plugin_data_pb2.HParamsPluginData.FromString(begin).session_start_info.hparams
        scalars = {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"]}
        found[place.name.rpartition("-")[0]] = events, chosen, scalars
    return found


def test_hparams_has_an_entry_a_configuration_with_the_means(folder):
    (folder / "run0003-0123456789" / "config.yaml").write_text("optimizer:\n  lr: 0.003\n")
    assert write_hparams(folder) == 3
    found = entries(folder)
    assert set(found) == {"digits_chain+gaussian_rbf-mean", "digits_chain", "digits_mlp"}
    events, chosen, scalars = found["digits_chain"]
    assert scalars["val/accuracy"] == pytest.approx(0.68)
    assert scalars["test/f1"] == pytest.approx(0.48)
    assert chosen["interdependence"].string_value == "chain"
    assert chosen["settings"].string_value == "mean of 3 seeds"
    assert (chosen["parameters"].number_value, chosen["learning_rate"].number_value) == (200, 0.003)
    assert found["digits_mlp"][1]["fusion"].string_value == "none"
    columns = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    ).experiment
    assert {info.name for info in columns.hparam_infos} == {*chosen, "seed"}
    assert [info.name.tag for info in columns.metric_infos] == [f"test/{name}" for name in METRICS]


def test_hparams_written_again_replace_the_old_ones(folder):
    write_hparams(folder)
    assert write_hparams(folder, sorted(folder.glob("run*"))[:3]) == 1
    assert set(entries(folder)) == {"digits_chain+gaussian_rbf-mean"}
    assert len(read(folder).rows) == 9
    assert not list(folder.glob(".*"))


def test_hparams_that_cannot_be_written_leave_the_old_ones(folder, monkeypatch, capsys):
    write_hparams(folder)

    def full(*_):
        raise OSError(28, "No space left on device", "there")

    monkeypatch.setattr("tensorboard.summary.writer.event_file_writer.EventFileWriter.add_event", full)
    assert summary.run([str(folder), "tensorboard=true"]) == 1
    assert "nothing can be written at there: No space left" in capsys.readouterr().err
    assert len(entries(folder)) == 3
    assert not list(folder.glob(".*"))


def test_the_columns_are_those_of_single_runs():
    """TensorBoard takes them from the first run that it finds."""
    text = (Path(__file__).parents[1] / "hybridfuse" / "build.py").read_text()
    single = set(re.findall(r'^        "(\w+)": ', text.partition("def _hyperparameters")[2], re.MULTILINE))
    own = (Path(__file__).parents[1] / "hybridfuse" / "report" / "hparams.py").read_text()
    assert single == {*re.findall(r'^        "(\w+)": ', own, re.MULTILINE), "seed"}


def test_two_processes_may_write_hparams_at_once(folder, monkeypatch):
    """The other one puts its entries there between the two steps of this one."""
    rename, others = Path.rename, [1]

    def beaten(path, target):
        if others:
            others.pop()
            (Path(target) / "of the other").mkdir(parents=True)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", beaten)
    assert write_hparams(folder) == 3
    assert len(entries(folder)) == 3


def test_a_reader_that_has_read_enough_is_no_error_of_the_disk(folder, monkeypatch):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr("hybridfuse.report.screen.show", closed)
    with pytest.raises(BrokenPipeError):
        summary.run([str(folder)])
