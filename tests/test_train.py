"""The real commands, in a temporary folder: what they train, write, say and refuse."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from catalogue import XIS
from hybridfuse.main import conf_directory, main

pytestmark = pytest.mark.slow
CONF = conf_directory()
PROGRAM = Path(__file__).parents[1] / "train.py"
QUICK = ["data=iris", "data.batch_size=15", "trainer=quick", "device=cpu"]
LEARNED = ["interdependence=[chain,parameterized_lowrank]", "fusion=weighted_sum_learned"]


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Runs the program in a temporary folder: its exit code, what it said, its records."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["train.py", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out + said.err, records(tmp_path)

    return call


def records(folder):
    """Records of the runs below a folder, those kept aside left out."""
    found = sorted(folder.glob("runs/*/*/record.json"))
    return [json.loads(path.read_text()) | {"folder": path.parent} for path in found if "." not in path.parent.name]


def aside(record):
    """Where the first run is kept when it is done again."""
    return record["folder"].with_name(record["folder"].name + ".1")


def test_a_run_leaves_its_record_config_checkpoint_and_events(train):
    code, said, (record,) = train(*QUICK, *LEARNED)
    assert (code, record["status"], record["error"]) == (0, "done", None)
    assert record["interdependence"] == ["chain", "parameterized_lowrank"]
    assert (record["fusion"], record["axis"], record["seed"]) == ("weighted_sum_learned", "attribute", 0)
    assert record["overrides"][0] == "data=iris"
    assert {f"{s}/{m}" for s in ("train", "val", "test") for m in ("loss", "accuracy", "f1")} <= set(record["metrics"])
    assert set(record["baseline"]) == {"test/accuracy", "test/f1"}
    assert (record["data"]["name"], record["data"]["rows"], len(record["data"]["sha256"])) == ("iris", 150, 64)
    assert record["parameters"] > 0
    assert record["duration_s"] > 0
    assert {"python", "torch", "hydra-core", "hybridfuse"} <= set(record["versions"])
    assert {"machine", "cores"} <= set(record["hardware"])
    assert re.fullmatch("[0-9a-f]{40}", record["git"]["commit"])
    assert record["git"]["dirty"] in (True, False)
    folder = record["folder"]
    assert folder.parent.name == "default"
    assert folder.name.endswith(record["config_hash"][:10])
    assert OmegaConf.load(folder / "config.yaml").hybrid.interdependence_function_configs.chain.self_scaling == 1.0
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert any("fusion_function.weight" in name for name in checkpoint["state_dict"])
    for line in ("150 rows (105 train, 15 validation, 30 test)", "weighted_sum_learned", "tensorboard --logdir runs"):
        assert line in said
    assert str(folder.relative_to(Path.cwd()) / "record.json") in said


def hyperparameters(events, name):
    """What stands in the HPARAMS tab."""
    return plugin_data_pb2.HParamsPluginData.FromString(events.SummaryMetadata(f"_hparams_/{name}").plugin_data.content)


def test_tensorboard_has_metrics_hyperparameters_matrices_and_weights(train):
    _, _, (record,) = train(*QUICK, *LEARNED)
    events = EventAccumulator(str(record["folder"])).Reload()
    tags = events.Tags()
    for split in ("train", "val", "test"):
        assert {f"{split}/loss", f"{split}/accuracy", f"{split}/f1"} <= set(tags["scalars"])
    assert [event.step for event in events.Scalars("val/accuracy")][:2] == [0, 1]
    assert events.Scalars("test/accuracy")[-1].value == pytest.approx(record["metrics"]["test/accuracy"])
    assert {"fusion/layer0_attribute/chain", "fusion/layer1_attribute/parameterized_lowrank"} <= set(tags["scalars"])
    images = {f"A/layer{layer}_attribute/{moment}" for layer in (0, 1) for moment in ("start", "end")}
    assert images <= set(tags["images"])
    names = ("experiment", "session_start_info", "session_end_info")
    assert {f"_hparams_/{name}" for name in names} <= set(events.summary_metadata)
    columns, chosen = (str(hyperparameters(events, name)) for name in names[:2])
    assert "test/accuracy" in columns
    assert "chain+parameterized_lowrank" in chosen
    assert "data.batch_size=15" in chosen


def test_the_same_command_twice_gives_the_same_numbers_and_keeps_the_first(train):
    words = [*QUICK, "interdependence=[parameterized_lowrank,cosine_similarity]", "model.dropout=0.3"]
    _, _, (first,) = train(*words)
    _, said, (again,) = train(*words)
    assert again["metrics"] == first["metrics"]
    assert f"already done, test/accuracy {first['metrics']['test/accuracy']:.4f}" in said
    _, _, (forced,) = train(*words, "force=true")
    assert forced["metrics"] == first["metrics"]
    assert json.loads((aside(first) / "record.json").read_text())["status"] == "done"
    _, _, both = train(*words, "seed=1")
    assert len({json.dumps(record["metrics"]) for record in both}) == 2


def test_what_only_shows_a_run_does_not_change_its_numbers(train):
    _, _, (first,) = train(*QUICK)
    _, said, both = train(*QUICK, "callbacks=minimal", "logger=none")
    assert "tensorboard" not in said
    assert both[0]["metrics"] == both[1]["metrics"] == first["metrics"]


def stems(group):
    return [file.stem for file in sorted((CONF / group).glob("*.yaml"))]


CANNOT = {
    ("fusion", "metric"): "reduction must be a function of a stack",
    ("interdependence", "kernel"): "function must be a function of two items",
    ("fusion", "concatenation", "instance"): "must keep the 15 rows of a batch, got 30 from concatenation",
    **{
        ("interdependence", f"grid_{shape}_padding", "instance"): "must keep the 15 rows of a batch, got 45 from sum"
        for shape in ("cuboid", "cylinder", "sphere")
    },
}
"""What an option, or one on an axis, cannot do."""
NEEDED = [
    "interdependence.graph.links=[[0,1],[1,3]]",
    "interdependence.kernel_mixture.kernels=[linear,chain]",
    "model.hybrid_layers=1",
]
STREAMING = [stem for stem in stems("interdependence") if XIS[stem].streams or not XIS[stem].require_data]


def swept(train, group, names, axis, *words):
    """What became of each option of a group, one after another in this process."""
    listed = ",".join(f"[{name}]" if group == "interdependence" else name for name in names)
    matrix = f"interdependence.constant.matrix={[[1.0] * (n := 4 if axis == 'attribute' else 15)] * n}".replace(" ", "")
    needed = [word for word in (*NEEDED, matrix) if word.split(".")[1] in (*names, "hybrid_layers=1")]
    needed = needed if group == "interdependence" else []
    quick = [*QUICK, "trainer.max_epochs=1", "callbacks=minimal", "logger=none", "hydra/launcher=basic"]
    code, said, found = train("-m", *quick, f"axis={axis}", f"{group}={listed}", *needed, *words)
    assert len(found) == len(names), said
    by_word = {word: record for record in found for word in record["overrides"]}
    return code, {
        name: by_word[f"{group}=[{name}]" if group == "interdependence" else f"{group}={name}"] for name in names
    }


@pytest.mark.parametrize("axis", ["attribute", "instance"])
@pytest.mark.parametrize(
    ("group", "names", "words"),
    [
        ("interdependence", STREAMING, []),
        ("interdependence", [s for s in stems("interdependence") if s not in STREAMING], ["reference=batch"]),
        *((group, stems(group), []) for group in ("fusion", "balance", "postprocess")),
    ],
)
def test_every_relation_trains_on_both_axes(train, group, names, words, axis):
    code, found = swept(train, group, names, axis, *words)
    refused = {name: CANNOT.get((group, name)) or CANNOT.get((group, name, axis)) for name in names}
    for name, record in found.items():
        assert record["status"] == ("failed" if refused[name] else "done"), (name, record["error"])
        assert (refused[name] or "") in (record["error"] or ""), name
    assert code == int(any(refused.values()))


@pytest.mark.parametrize("words", ["device.precision=bf16-mixed", "device.precision=64-true", "data.batch_size=1"])
def test_any_precision_and_batch_size(train, words):
    code, said, _ = train(*QUICK, words, "interdependence=[chain,cosine_similarity,parameterized_lowrank]")
    assert code == 0, said


def test_an_experiment_names_the_folder_and_gives_way_to_the_command(train):
    code, said, (record,) = train("experiment=digits_weighted", *QUICK, "fusion=max")
    assert code == 0, said
    assert record["folder"].parent.name == record["experiment"] == "digits_weighted"
    assert (record["data"]["name"], record["fusion"]) == ("iris", "max")
    assert record["interdependence"] == ["chain", "cosine_similarity", "parameterized_lowrank"]


OTHERS = ("model", "reconciliation", "remainder", "transformation", "optimizer", "scheduler", "logger", "callbacks")


@pytest.mark.parametrize("group", OTHERS)
def test_every_other_option_trains(train, group):
    fitting = ["model.hidden=[4]", "+remainder@model.layers.1.remainder=zero"] if group == "remainder" else []
    words = [*QUICK, f"{group}={','.join(stems(group))}", *fitting, "hydra/launcher=basic"]
    code, said, found = train("-m", *words)
    assert code == 0, said
    assert len(found) == len(stems(group))


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "diabetes", "digits"])
def test_every_data_set_trains(train, name):
    code, said, (record,) = train(f"data={name}", "trainer=quick", "device=cpu", "trainer.max_epochs=1")
    assert code == 0, said
    assert record["metrics"]["test/r2" if name == "diabetes" else "test/accuracy"] <= 1


def write_table(path, rows=60):
    lines = ["rooms,town,price"]
    lines += [f"{i % 7},{'abc'[i % 3]},{100.5 + 10 * (i % 7) + i % 3}" for i in range(rows)]
    path.write_text("\n".join(lines) + "\n")


def test_a_table_of_the_user(train, tmp_path):
    write_table(tmp_path / "my.csv")
    words = ["data=csv", "data.path=my.csv", "data.target=price", "trainer=quick", "device=cpu"]
    code, said, (record,) = train(*words, "data.task=regression")
    assert code == 0, said
    assert record["baseline"]["test/r2"] <= 0
    assert {"test/rmse", "test/mae", "test/r2"} <= set(record["metrics"])
    code, said, _ = train(*words)
    assert "inferred" in said
    with (tmp_path / "my.csv").open("a") as file:
        file.write("1,a,120.5\n")
    code, said, _ = train(*words)
    assert code == 2
    assert "my.csv has changed since this run was done" in said


def test_metrics_of_a_target_far_from_zero_are_those_of_one_near_it(train, tmp_path):
    words = ["data=csv", "data.target=price", "trainer=quick", "device=cpu", "callbacks=minimal"]
    found = []
    for offset in (0, 10**9):
        lines = ["rooms,price", *(f"{i % 7},{offset + 3 * (i % 7) + 0.5 * (i % 3)}" for i in range(60))]
        (tmp_path / f"at{offset}.csv").write_text("\n".join(lines) + "\n")
        _, _, records_ = train(*words, f"data.path=at{offset}.csv", "data.task=regression")
        found += [record["metrics"] for record in records_ if record["data"]["name"] == f"at{offset}"]
    for name in ("test/rmse", "test/mae", "test/r2"):
        assert found[1][name] == pytest.approx(found[0][name], rel=1e-4)


def test_a_run_at_work_is_left_alone(train):
    _, _, (record,) = train(*QUICK)
    path = record["folder"] / "record.json"
    before = path.read_text()
    hold = "import sys, time; from pathlib import Path; from hybridfuse.claim import claimed\n"
    hold += "with claimed(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", hold, str(record["folder"].resolve())], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"held\n"
        for words in ([], ["force=true"]):
            code, said, _ = train(*QUICK, *words)
            assert code == 2
            assert "this run is at work in another process" in said
    finally:
        other.kill()
        other.communicate()
    assert path.read_text() == before
    code, _, found = train(*QUICK, "force=true")  # a dead process holds nothing
    assert (code, len(found)) == (0, 1)


def test_a_broken_table_does_not_cost_an_earlier_result(train, tmp_path):
    write_table(tmp_path / "my.csv")
    words = ["data=csv", "data.path=my.csv", "data.target=price", "trainer=quick", "device=cpu"]
    _, _, (first,) = train(*words)
    (tmp_path / "my.csv").write_text("rooms,price\n")
    code, _, (failed,) = train(*words, "force=true")
    assert (code, failed["status"]) == (1, "failed")
    assert json.loads((aside(first) / "record.json").read_text())["metrics"] == first["metrics"]


def test_a_sweep_runs_every_combination_and_goes_on_after_a_failure(train):
    words = ["-m", *QUICK, "callbacks=minimal", "fusion=mean,max"]
    code, _, found = train(*words, "interdependence=[chain],[chain,parameterized_lowrank]", "seed=0,1")
    assert code == 0
    assert len(found) == 6  # the mean of a single matrix is its maximum
    assert len({record["config_hash"] for record in found}) == 6
    code, said, found = train(*words, "interdependence=[gaussian_rbf]", "interdependence.gaussian_rbf.sigma=0,2")
    assert code == 1
    assert "sigma must be > 0, got 0" in said
    assert len(found) == 8


def test_the_same_function_twice_and_a_second_hybrid(train):
    code, said, (record,) = train(
        *QUICK,
        "+interdependence@interdependence.wide=gaussian_rbf",
        "interdependence.wide.sigma=9",
        "interdependence@second.interdependence=[attention,chain]",
        "fusion@second.fusion=max",
    )
    assert code == 0, said
    assert "second hybrid    attention, chain, fused by max" in said
    assert "interdependence@second.interdependence=[attention,chain]" in record["overrides"]
    assert (record["second_interdependence"], record["second_fusion"]) == (["attention", "chain"], "max")
    assert record["interdependence"] == ["chain", "parameterized_lowrank", "wide"]
    names = torch.load(record["folder"] / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert any("instance_hybrid.parts.attention.query" in name for name in names)


RBF = "interdependence=[gaussian_rbf] interdependence.gaussian_rbf"
WRONG = {
    f"{RBF}.sigma=0": "gaussian_rbf: sigma must be > 0, got 0",
    f"{RBF}.sigma=abc": "gaussian_rbf: sigma must be > 0 or median, got 'abc'",
    "interdependence=[graph] interdependence.graph.links=[[0,9]]": "graph: link 1 of the graph names 9, which is not",
    "device=gpu": "device: there is no cuda device here; device=auto takes",
    "model.dropout=2": r"model: dropout must be in \[0, 1\), got 2",
    "model.hidden=[0]": "model: hidden must be >= 1, got 0",
    "seed=abc": "seed: seed must be a whole number, got 'abc'",
    "seed=-1": "seed: seed must be >= 0, got -1",
    "data.batch_size=0": "data: batch_size must be >= 1, got 0",
    "data=csv": "data: .*path",
    "optimizer.lr=-1": "optimizer: .*learning rate",
    "model.hidden=abc": "model: hidden must be a list of whole numbers, got 'abc'",
    "interdependence=[chain] interdependence.chain.bi_directional=no": "bi_directional must be true or false, got 'no'",
    "interdependence=[graph] interdependence.graph.path=no.csv": "graph: graph.path must be a CSV or .* no.csv",
    "data.drop_last=perhaps": "data: drop_last must be true or false",
    "scheduler.T_max=x": "scheduler.T_max must be a number, got 'x'",
    "optimizer.lr=null": "optimizer.lr must be a number, got None",
    "trainer.log_every_n_steps=abc": "log_every_n_steps must be a whole number",
    "trainer.gradient_clip_val=-1": "gradient_clip_val must be > 0, got -1",
    "second.interdependence=5": "must be a mapping or a sequence, got 5",
    "optimizer.weight_decay=abc": "optimizer.weight_decay must be a number, got 'abc'",
    "seed=99999999999": "seed: .*4294967295",
    "trainer.devices=5": "device.devices must be 1, or a list of one index, got 5",
    "trainer.max_epochs=abc": "max_epochs must be a whole number, got 'abc'",
}


@pytest.mark.parametrize("words", [case for case in WRONG if case != "device=gpu" or not torch.cuda.is_available()])
def test_a_command_that_cannot_be_built_leaves_nothing(train, words):
    code, said, found = train("trainer=quick", "device=cpu", "data=iris", *words.split())
    assert (code, found) == (2, []), said
    assert re.search(WRONG[words], said)
    assert len([line for line in said.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in said


FAILS = {
    "optimizer.lr=1e30 trainer.gradient_clip_val=null": r"the loss must be finite, got (nan|inf) at step \d+ \(ep",
    "interdependence=[bilinear] data.batch_size=16": r"for 16 rows a batch, got 9; use axis=instance, or batches",
    "data=csv data.path=no.csv data.target=y": r"no.csv",
}


@pytest.mark.parametrize("words", FAILS)
def test_a_failed_run_says_so_everywhere(train, words):
    code, said, (record,) = train(*QUICK, *words.split())
    assert (code, record["status"]) == (1, "failed")
    assert re.search(FAILS[words], record["error"])
    assert re.search("failed: .*" + FAILS[words], said)
    assert "Traceback" not in said
    assert any("Traceback" in line for line in record["traceback"])


def test_an_unwritable_folder_is_one_sentence(train, tmp_path):
    (tmp_path / "runs").write_text("a file")
    code, said, _ = train(*QUICK)
    assert code == 1
    assert any(line.startswith("error: ") and "runs" in line for line in said.splitlines())
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_best_checkpoint(tmp_path, number):
    words = ["data=iris", "device=cpu", "trainer.max_epochs=100000", "callbacks.early_stopping=null", "scheduler=none"]
    command = [sys.executable, str(PROGRAM), *words]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*/*/checkpoints/best.ckpt")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    (record,) = records(tmp_path)
    assert (process.returncode, record["status"]) == (130, "interrupted"), said
    assert torch.load(record["folder"] / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert "the best checkpoint so far is kept" in said
    assert "Traceback" not in said


def test_a_sweep_may_say_so_anywhere(train):
    code, said, found = train(*QUICK, "callbacks=minimal", "-m", "fusion=mean,max", "hydra/launcher=basic")
    assert (code, len(found)) == (0, 2), said


def test_a_sweep_stops_at_an_interrupt(tmp_path):
    words = ["-m", "data=iris", "device=cpu", "seed=0,1", "trainer.max_epochs=100000", "callbacks.early_stopping=null"]
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*/*/checkpoints/best.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert {record["status"] for record in records(tmp_path)} == {"interrupted"}
