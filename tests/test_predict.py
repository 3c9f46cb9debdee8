"""Predictions of finished runs: equal to what training saw, for any file that holds the columns."""

import json
import re
import sys

import numpy as np
import polars as pl
import pytest
import torch
from omegaconf import OmegaConf

from hybridfuse import predict as command
from hybridfuse.data import split
from hybridfuse.main import main
from hybridfuse.prediction import batches, finished, progress, source
from hybridfuse.prediction.rows import Rows

pytestmark = pytest.mark.slow
QUICK = ["trainer=quick", "device=cpu", "logger=none", "callbacks=minimal", "data.batch_size=16"]
ROWS = 90


def trained(folder, *words):
    """The folder of a run, its record."""
    before, arguments = set(folder.glob("runs/*/*")), sys.argv
    sys.argv = ["train.py", *words, f"runs={folder / 'runs'}"]
    try:
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
    finally:
        sys.argv = arguments
    (run,) = {path for path in folder.glob("runs/*/*") if path.is_dir()} - before
    return run, json.loads((run / "record.json").read_text())


def predicted(run, path, *words):
    """What the command writes."""
    out = path.parent / "out.csv"
    command.predict([f"run={run}", f"data.path={path}", f"out={out}", *words])
    return pl.read_csv(out)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of numbers, texts and missing cells with a class and a number to predict."""
    folder, random = tmp_path_factory.mktemp("table"), np.random.RandomState(0)
    length, width = random.randn(ROWS) * 40 + 1000, random.randn(ROWS)
    colour = random.choice(["red", "green", "blue"], ROWS, p=[0.5, 0.3, 0.2])
    kind = np.where(width + (colour == "red") > 0.3, "long one", "short")
    frame = pl.DataFrame({"length": length, "width": width, "colour": colour, "kind": kind, "price": 500 + 30 * width})
    holes = random.rand(ROWS, 3) < 0.1
    frame = frame.with_columns(
        pl.when(pl.Series(holes[:, place])).then(None).otherwise(pl.col(name)).alias(name)
        for place, name in enumerate(("length", "width", "colour"))
    )
    frame.write_csv(folder / "train.csv")
    return folder, frame


@pytest.fixture(scope="module")
def classes(table):
    """A linear network of classes."""
    folder, _ = table
    words = [f"data.path={folder / 'train.csv'}", "data.target=kind", "data.ignore=[price]"]
    return trained(folder, "data=csv", "model=mlp", "model.hidden=[]", *words, *QUICK)


@pytest.fixture(scope="module")
def numbers(table):
    """A network with a reference."""
    folder, _ = table
    words = [f"data.path={folder / 'train.csv'}", "data.target=price", "data.ignore=[kind]"]
    return trained(folder, "data=csv", "interdependence=[gaussian_rbf,chain]", *words, *QUICK)


def by_hand(run, frame, train):
    """Probabilities of the linear network, in plain numpy."""
    columns = []
    for name in ("length", "width"):
        column = frame[name].to_numpy()
        known = np.array(train[name].drop_nulls())
        column = np.where(np.isnan(column), known.mean(), column)
        filled = train[name].fill_null(known.mean()).to_numpy()
        columns.append((column - known.mean()) / filled.std())
    usual = train["colour"].drop_nulls().value_counts().sort("count")["colour"][-1]
    texts = frame["colour"].fill_null(usual)
    columns += [(texts == text).cast(pl.Float64).to_numpy() for text in sorted(train["colour"].drop_nulls().unique())]
    state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    weight, bias = (state[f"network.layers.0.{name}"].double().numpy() for name in ("weight", "bias"))
    scores = np.stack(columns, 1) @ weight.T + bias
    return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)


def test_probabilities_are_those_of_the_training_rows_statistics(table, classes):
    folder, frame = table
    strata = np.unique(frame["kind"], return_inverse=True)[1]
    rows = split.stratified(strata, 0.1, 0.2, 0)
    expected = by_hand(classes[0], frame, frame[rows.train.tolist()])
    found = predicted(classes[0], folder / "train.csv")
    assert found.columns == ["class", "probability_long one", "probability_short"]
    assert found.select(pl.exclude("class")).to_numpy() == pytest.approx(expected, abs=1e-6)
    said = np.array(["long one", "short"])[expected.argmax(1)]
    assert found["class"].to_list() == said.tolist()
    right = np.mean(said[rows.test] == frame["kind"].to_numpy()[rows.test])
    assert classes[1]["metrics"]["test/accuracy"] == pytest.approx(right)


def test_numbers_are_in_the_units_of_the_target(table, numbers):
    folder, frame = table
    rows = split.stratified(np.zeros(ROWS), 0.1, 0.2, 0, least=2)
    found = predicted(numbers[0], folder / "train.csv")
    errors = found["value"].to_numpy()[rows.test] - frame["price"].to_numpy()[rows.test]
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(numbers[1]["metrics"]["test/rmse"], rel=1e-5)


def test_columns_are_found_by_name_in_files_of_both_formats(table, classes):
    folder, frame = table
    whole = predicted(classes[0], folder / "train.csv")
    other = frame.select("colour", "width", pl.lit("x").alias("more"), "length").with_row_index("id")
    other.write_parquet(folder / "other.parquet")
    other.write_csv(folder / "other.csv", separator=";")
    for name in ("other.parquet", "other.csv"):
        found = predicted(f"{classes[0]}/", folder / name, "keep=[id,more]")
        assert found["id"].to_list() == list(range(ROWS))
        assert found.select(whole.columns).equals(whole)


def test_a_single_row_is_predicted_as_among_others(table, numbers):
    folder, frame = table
    whole = predicted(numbers[0], folder / "train.csv")
    for row in (0, 7):
        frame[row : row + 1].write_csv(folder / "one.csv")
        assert predicted(numbers[0], folder / "one.csv")["value"][0] == pytest.approx(whole["value"][row], rel=1e-6)


def test_the_training_file_is_not_needed_and_nothing_is_fitted_again(table, classes, tmp_path, monkeypatch):
    folder, frame = table
    expected = predicted(classes[0], folder / "train.csv")
    frame[:5].write_csv(tmp_path / "few.csv")
    moved = tmp_path / "moved"
    classes[0].rename(moved)
    (folder / "train.csv").rename(folder / "gone.csv")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    try:
        assert predicted(moved, tmp_path / "few.csv").equals(expected[:5])
    finally:
        moved.rename(classes[0])
        (folder / "gone.csv").rename(folder / "train.csv")


def test_an_unknown_text_is_none_of_the_known_ones_and_said(table, classes, tmp_path, capsys):
    _, frame = table
    odd = frame[:4].with_columns(colour=pl.Series(["pink", "red", None, "mauve"]))
    odd.write_csv(tmp_path / "odd.csv")
    found = predicted(classes[0], tmp_path / "odd.csv")
    strata = np.unique(frame["kind"], return_inverse=True)[1]
    train = frame[split.stratified(strata, 0.1, 0.2, 0).train.tolist()]
    assert found["probability_short"].to_numpy() == pytest.approx(by_hand(classes[0], odd, train)[:, 1], abs=1e-6)
    said = capsys.readouterr().err
    assert "note: column 'colour' has 2 texts that no training row had, first 'pink' in line 2 of odd.csv" in said


def test_many_rows_are_predicted_part_by_part(table, numbers, tmp_path):
    folder, frame = table
    expected = predicted(numbers[0], folder / "train.csv")["value"].to_numpy()
    times = 12_000 // ROWS + 1
    many = pl.concat([frame] * times).with_row_index("id")
    many.write_csv(tmp_path / "many.csv")
    many.write_parquet(tmp_path / "many.parquet", row_group_size=1_000)
    for name in ("many.csv", "many.parquet"):
        parts = [len(cells.frame) for cells in source.of_file("data.path", str(tmp_path / name)).chunks()]
        assert max(parts) <= 10_000
        found = predicted(numbers[0], tmp_path / name, "keep=[id]")
        assert found["id"].equals(many["id"].cast(pl.Int64))
        assert found["value"].to_numpy() == pytest.approx(np.tile(expected, times), rel=1e-6)


@pytest.mark.parametrize("words", [["reference=batch"], ["axis=instance"]])
def test_functions_of_the_batch_see_batches_as_in_training(words, table, tmp_path, capsys):
    folder, frame = table
    data = [f"data.path={folder / 'train.csv'}", "data.target=price", "data.ignore=[kind]"]
    run, _ = trained(tmp_path, "data=csv", "interdependence=[gaussian_rbf]", *data, *QUICK, *words)
    frame[:40].write_csv(tmp_path / "new.csv")
    found = predicted(run, tmp_path / "new.csv")["value"].to_numpy()
    assert "note: gaussian_rbf relates the rows of a batch: predicted in batches of 16" in capsys.readouterr().err
    opened = finished.opened(str(run))
    network, known = opened.network(), opened.known
    cells = next(source.of_file("data.path", str(tmp_path / "new.csv")).chunks())
    x = Rows(opened.preparation).attributes(cells)
    with torch.no_grad():  # the last batch holds the last 16 rows
        pieces = [network(x[:16]), network(x[16:32]), network(x[24:40])[8:]]
    expected = torch.cat(pieces)[:, 0].double().numpy() * known["target_scale"] + known["target_mean"]
    assert found == pytest.approx(expected, rel=1e-6)


def test_batches_of_any_parts_hold_all_rows_in_order():
    class Seen(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.sizes = []

        def forward(self, x):
            self.sizes.append(len(x))
            return x

    x = torch.arange(70.0)[:, None]
    for parts in ((70,), (1, 69), (33, 33, 4), (7,) * 10):
        seen = Seen()
        assert torch.cat(list(batches.answers(seen, x.split(list(parts)), 16, True))).equal(x)
        assert seen.sizes == [16] * 5
        plain = Seen()
        assert torch.cat(list(batches.answers(plain, x.split(list(parts)), 16, False))).equal(x)
        assert plain.sizes == [16] * 4 + [6]


def test_weights_for_batches_of_one_size_need_as_many_rows(table, tmp_path):
    folder, frame = table
    data = [f"data.path={folder / 'train.csv'}", "data.target=price", "data.ignore=[kind]"]
    sizes = ["data.batch_size=9", "data.drop_last=true", "data.validation=9", "data.test=18"]
    words = ["data=csv", "interdependence=[bilinear]", *data, *QUICK[:-1], *sizes[:2], "data.validation=0.1"]
    run, _ = trained(tmp_path, *words)
    assert batches.bound(finished.opened(str(run)).network())
    frame[:20].write_csv(tmp_path / "new.csv")
    assert len(predicted(run, tmp_path / "new.csv")) == 20
    frame[:5].write_csv(tmp_path / "few.csv")
    with pytest.raises(ValueError, match="parameters for batches of 9 rows, got 5 rows in all"):
        predicted(run, tmp_path / "few.csv")


def test_the_next_times_of_a_series_are_forecast(tmp_path):
    random, times = np.random.RandomState(0), 120
    wave = np.sin(np.arange(times) / 5.0)
    frame = pl.DataFrame({"at": np.arange(times), "a": 7 + 3 * wave, "b": -20 + 0.1 * random.randn(times)})
    frame.write_csv(tmp_path / "series.csv")
    words = [f"data.path={tmp_path / 'series.csv'}", "data.time=at", "data.look_back=12", "data.horizon=4"]
    for together in ("false", "true"):
        settings = ["data=series_csv", "model=mlp", "model.hidden=[]", *words, f"data.together={together}", *QUICK]
        run, _ = trained(tmp_path, *settings)
        new = frame.select("b", "a", "at").slice(30, 40)
        new.write_csv(tmp_path / "new.csv")
        found = predicted(run, tmp_path / "new.csv")
        assert found.columns == ["step", "a", "b"]
        assert found["step"].to_list() == [1, 2, 3, 4]
        state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
        weight, bias = (state[f"network.layers.0.{name}"].double().numpy() for name in ("weight", "bias"))
        known = frame[: 120 - 12 - 24].select("a", "b").to_numpy()
        mean, scale = known.mean(0), known.std(0)
        window = ((new.select("a", "b").to_numpy()[-12:] - mean) / scale).T
        ahead = (window.reshape(1, -1) if together == "true" else window) @ weight.T + bias
        expected = ahead.reshape(2, 4).T * scale + mean
        assert found.select("a", "b").to_numpy() == pytest.approx(expected, rel=1e-5)
    new[-5:].write_csv(tmp_path / "short.csv")
    with pytest.raises(ValueError, match=r"short.csv must have the 12 times that a forecast looks back to, got 5"):
        predicted(run, tmp_path / "short.csv")
    new.drop("b").write_csv(tmp_path / "lacking.csv")
    with pytest.raises(
        ValueError, match=r"lacking.csv must have the columns of the training data, got none called 'b'"
    ):
        predicted(run, tmp_path / "lacking.csv")


def test_all_nodes_of_a_graph_are_predicted(tmp_path):
    random, nodes = np.random.RandomState(0), 30
    side = np.arange(nodes) % 2
    x = random.randn(nodes) + 2 * side
    names = [f"n{index}" for index in range(nodes)]
    frame = pl.DataFrame({"node": names, "x": x, "side": np.where(side, "odd", "even")})
    frame.write_csv(tmp_path / "nodes.csv")
    (tmp_path / "edges.csv").write_text("\n".join(f"n{i},n{(i + 2) % nodes}" for i in range(nodes)) + "\n")
    given = [f"data.path={tmp_path / 'nodes.csv'}", f"data.links={tmp_path / 'edges.csv'}", "data.target=side"]
    words = ["data=graph_csv", "data.node=node", "axis=instance", "interdependence=[graph]", "model.hidden=[]"]
    run, record = trained(tmp_path, *words, *given, *QUICK[:-1])
    found = predicted(run, tmp_path / "nodes.csv", f"data.links={tmp_path / 'edges.csv'}", "keep=[node]")
    assert found["node"].to_list() == names
    rows = split.stratified(side, 0.1, 0.2, 0)
    right = np.mean((found["class"] == frame["side"]).to_numpy()[rows.test])
    assert right == pytest.approx(record["metrics"]["test/accuracy"])
    frame[:6].write_csv(tmp_path / "some.csv")  # another graph, whose node 5 nobody links to
    (tmp_path / "some_edges.csv").write_text("n0,n1\nn1,n2\n")
    other = predicted(run, tmp_path / "some.csv", f"data.links={tmp_path / 'some_edges.csv'}")
    state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    weight = state["state_dict"]["network.layers.0.reconciliation.weight"].double().numpy()
    bias = state["state_dict"]["network.layers.0.bias"].double().numpy()
    links = np.zeros((6, 6))
    links[[0, 1, 1, 2], [1, 0, 2, 1]] = 1
    scaled = (x[:6] - x[rows.train].mean()) / x[rows.train].std()
    scores = (links.T @ scaled)[:, None] @ weight.T + bias
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    assert other.select(pl.exclude("class")).to_numpy() == pytest.approx(expected, abs=1e-5)


WRONG = {
    "rum=x": r"rum is no setting; did you mean run\?",
    "run": r"a word of this command must be key=value, got 'run'",
    "data.path=new.csv": r"run must be given, e.g. run=runs/default/<name>",
    "run={run}": r"data.path must be given, e.g. data.path=new.csv",
    "run={run}x data.path={new}": r"run must be the folder of a run, got .*, which does not exist; did you mean tr",
    "run={folder} data.path={new}": r"run must be the folder of a run, got .*, where there is no record.json",
    "run={run} data.path={new} out={new}": r"out must be another file than what is read",
    "run={run} data.path={new} out=x.parquet": r"out must be a file that ends with .csv, got x.parquet",
    "run={run} data.path={new} out=nowhere/x.csv": r"out must be a file in a folder that exists",
    "run={run} data.path={new} data.links={new}": r"data.links must be left out for a table",
    "run={run} data.path={new} keep=id": r"keep must be a list such as \[a,b\], got id",
    "run={run} data.path={new} keep=[class]": r"keep must leave out class, .*, got class",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_is_one_sentence(words, table, classes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table[1].write_csv("new.csv")
    places = {"run": classes[0], "folder": tmp_path, "new": tmp_path / "new.csv"}
    monkeypatch.setattr(sys, "argv", ["predict", *(word.format(**places) for word in words.split())])
    with pytest.raises(SystemExit) as end:
        command.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert len(said.splitlines()) == 1
    assert said.startswith("error: ")
    assert re.search(WRONG[words], said)


BAD_FILES = {
    "colour,width\nred,1\n": r"bad.csv must have the columns of the training data, got none called 'length'",
    "lenght,width,colour\n1,1,red\n": r"got none called 'length'; did you mean lenght\?",
    "length,width,colour\n1,1,red\n2,wide,red\n": r"'width' must hold finite numbers, .*, got 'wide' in line 3",
    "length,width,colour\n1,inf,red\n": r"column 'width' must hold finite numbers, as in training, got 'inf' in line 2",
    "length,width,colour\n1,1e300,red\n": r"'width' must hold numbers that float32 can scale, got 1e\+300 in line 2",
    "length,width,colour\n": r"bad.csv must have rows below its header, got none",
    "": r"bad.csv must hold a table, got an empty file",
    "length,width,colour\n1,1\n": r"line 2 of bad.csv must have 3 cells",
    "length,width,colour\n1,1,r\xe4d\n": r"bad.csv must be encoded as UTF-8, got the byte 0xe4 in line 2",
}


def test_a_file_that_does_not_fit_is_one_sentence_and_leaves_nothing(classes, tmp_path):
    for content, sentence in BAD_FILES.items():
        (tmp_path / "bad.csv").write_bytes(content.encode("latin-1"))
        with pytest.raises(ValueError, match=sentence) as error:
            predicted(classes[0], tmp_path / "bad.csv")
        assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_what_was_there_before_stays_until_all_is_predicted(table, classes, tmp_path):
    table[1].write_csv(tmp_path / "new.csv")
    (tmp_path / "out.csv").write_text("before")
    (tmp_path / "bad.csv").write_text((tmp_path / "new.csv").read_text() + "1,x,red,short,1\n")
    with pytest.raises(ValueError, match="got 'x' in line 92"):
        predicted(classes[0], tmp_path / "bad.csv")
    assert (tmp_path / "out.csv").read_text() == "before"
    assert len(predicted(classes[0], tmp_path / "new.csv")) == ROWS


def test_a_run_that_is_not_done_or_damaged_is_refused(table, classes, tmp_path):
    table[1].write_csv(tmp_path / "new.csv")
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    for content, sentence in {
        '{"status": "failed"}': "run must be one that is done, got .*, which is failed in its record",
        "{": "whose record.json is damaged",
        '{"status": "done"}': "where there is none below checkpoints",
    }.items():
        (run / "record.json").write_text(content)
        with pytest.raises(command.CommandError, match=sentence):
            predicted(run, tmp_path / "new.csv")
    (run / "checkpoints" / "best.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(command.CommandError, match=r"must be one of torch.save, got a damaged file"):
        predicted(run, tmp_path / "new.csv")
    kept = torch.load(classes[0] / "checkpoints" / "best.ckpt", weights_only=True)
    del kept["CsvData"]
    torch.save(kept, run / "checkpoints" / "best.ckpt")
    OmegaConf.save(OmegaConf.load(classes[0] / "config.yaml"), run / "config.yaml")
    with pytest.raises(command.CommandError, match="says nothing of the data; run the same command again"):
        predicted(run, tmp_path / "new.csv")


def test_a_graph_without_a_table_is_refused(tmp_path):
    words = ["data=planted_instances", "data.rows=30", "axis=instance", "interdependence=[identity]", *QUICK[:-1]]
    run, _ = trained(tmp_path, *words)
    (tmp_path / "new.csv").write_text("x0\n1\n")
    with pytest.raises(
        command.CommandError, match=r"run must be of a table, a series or a graph in files, got .* of Pl"
    ):
        predicted(run, tmp_path / "new.csv")


def test_a_bar_is_drawn_at_a_terminal_alone(table, monkeypatch, capsys):
    folder, _ = table
    found = source.of_file("data.path", str(folder / "train.csv"))
    with progress.shown(found) as bar:
        assert len(list(bar.over(found.chunks()))) == 1
        assert bar.progress.disable
    assert capsys.readouterr().err == ""
    assert found.share == 1.0


def test_help_says_every_setting(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["predict", "--help"])
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 0
    said = capsys.readouterr().out
    for name in ("run", "data.path", "data.links", "out", "keep"):
        assert f"\n  {name} " in said
