"""Exported networks: loaded where hybridfuse cannot be imported, equal to the network, refused in a sentence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from test_predict import QUICK, predicted, trained
from torch import nn

from catalogue import FUSIONS, POSTPROCESSES, XIS, data, hybrid_of
from hybridfuse import export as command
from hybridfuse.frozen import Frozen, frozen
from hybridfuse.interdependence.streamed_base import StreamedBase
from hybridfuse.main import main
from hybridfuse.prediction import finished, source, traced
from hybridfuse.prediction.rows import Rows

pytestmark = pytest.mark.slow
B, M = 8, 6
LOAD = """
import json, sys
for name in [name for name in sys.modules if name.startswith("hybridfuse")]:
    raise SystemExit(name)
sys.modules["hybridfuse"] = None
import numpy, torch
extra = {"hybridfuse.json": ""}
network = torch.export.load(sys.argv[1], extra_files=extra).module()
known = json.loads(extra["hybridfuse.json"])
columns = numpy.loadtxt(sys.argv[2], delimiter=",", skiprows=1, ndmin=2)
names = open(sys.argv[2]).readline().strip().split(",")
prepared = known["preparation"]
rows = zip(prepared["numbers"], prepared["fill"], prepared["mean"], prepared["scale"])
x = numpy.stack([(columns[:, names.index(name)] - mean) / scale for name, _, mean, scale in rows], axis=1)
x = torch.from_numpy(x.astype(numpy.float32))
with torch.no_grad():
    print(json.dumps({"known": known, "output": network(x).tolist(), "first": network(x[:1]).tolist()}))
"""


class Network(nn.Module):
    """Applies a hybrid to a batch."""

    def __init__(self, hybrid):
        super().__init__()
        self.hybrid = hybrid

    def forward(self, x):
        return self.hybrid(x)


def graph_of(network, x):
    with torch.no_grad(), traced._quiet():
        return torch.export.export(frozen(network), (x,)).module()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("tables"), np.random.RandomState(0)
    x = random.randn(80, 4) * [1, 10, 100, 1000] + [0, 5, 50, 5000]
    kind = np.where(x[:, 0] > 0, "up", "down")
    frame = pl.DataFrame(x, schema=list("abcd")).with_columns(kind=pl.Series(kind), y=pl.Series(3 * x[:, 1] + 7))
    frame.write_csv(folder / "train.csv")
    frame.select("d", "a", "c", "b").write_csv(folder / "new.csv")
    return folder


def run_of(folder, target, *words):
    ignored = "[y]" if target == "kind" else "[kind]"
    given = [f"data.path={folder / 'train.csv'}", f"data.target={target}", f"data.ignore={ignored}"]
    return trained(folder, "data=csv", *given, *QUICK, *words)[0]


def loaded(file, table):
    """What another process says that has no hybridfuse."""
    command = [sys.executable, "-I", "-c", LOAD, str(file), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=file.parent, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_file_answers_without_hybridfuse_as_prediction_does(tables, capsys):
    words = ["interdependence=[gaussian_rbf,chain,parameterized_lowrank]", "fusion=weighted_sum", "export=model.pt2"]
    run = run_of(tables, "kind", *words)
    assert "model.pt2, for any number of rows" in capsys.readouterr().out
    found = loaded(run / "model.pt2", tables / "new.csv")
    expected = predicted(run, tables / "new.csv").select("probability_down", "probability_up").to_numpy()
    assert np.array(found["output"]) == pytest.approx(expected, abs=1e-5)
    assert np.array(found["first"]) == pytest.approx(expected[:1], abs=1e-5)
    known = found["known"]
    assert (known["task"], known["target"], known["classes"]) == ("classification", "kind", ["down", "up"])
    assert (known["features"], known["rows"]) == (list("abcd"), None)


def test_numbers_come_in_the_units_of_the_target(tables):
    run = run_of(tables, "y", "interdependence=[cosine_similarity]")
    command.export(str(run), str(tables / "numbers.pt2"))
    opened, cells = finished.opened(str(run)), next(source.of_file("data.path", str(tables / "new.csv")).chunks())
    x = Rows(opened.preparation).attributes(cells)
    with torch.no_grad():
        found = torch.export.load(str(tables / "numbers.pt2")).module()(x)
    assert found.tolist() == pytest.approx(predicted(run, tables / "new.csv")["value"].to_list(), rel=1e-4, abs=1e-3)


def test_a_network_that_relates_rows_says_how_many(tables):
    run = run_of(tables, "y", "interdependence=[bilinear,chain]", "axis=instance", "model.hidden=[]")
    assert command.export(str(run), str(tables / "batch.pt2")).endswith("for batches of 16 rows")
    extra = {command.METADATA: ""}
    network = torch.export.load(str(tables / "batch.pt2"), extra_files=extra).module()
    assert json.loads(extra[command.METADATA])["rows"] == 16
    opened, x = finished.opened(str(run)), torch.randn(16, 4)
    with torch.no_grad():
        expected = opened.network()(x)[:, 0] * opened.known["target_scale"] + opened.known["target_mean"]
        assert torch.allclose(network(x), expected, rtol=1e-4)


def test_functions_whose_matrix_is_constant_are_applied_as_one():
    x, kappa = data(B, M).float(), data(B, 3, seed=1).float()
    for stem in ("chain", "grid_cuboid_padding", "parameterized_lowrank", "concatenation"):
        for axis in ("attribute", "instance"):
            parts, fusion = (["chain", "identity"], stem) if stem in FUSIONS else ([stem], "sum")
            hybrid = hybrid_of(parts, fusion, B, M, axis).float().eval()
            found = frozen(Network(hybrid)).hybrid
            assert isinstance(found, Frozen)
            assert not list(found.parameters())
            torch.testing.assert_close(found(x), hybrid(x))
            torch.testing.assert_close(found.calculate_A(x), hybrid.calculate_A(x).to_dense())
            if axis == "instance":
                torch.testing.assert_close(found(x, kappa), hybrid(x, kappa))


def test_a_frozen_network_is_a_copy_and_keeps_what_depends_on_the_batch():
    network = Network(hybrid_of(["chain", "cosine_similarity"], "max", B, M).float().eval())
    x = data(B, M).float()
    copy = frozen(network)
    assert isinstance(copy.hybrid.parts["chain"], Frozen)
    assert not isinstance(copy.hybrid.parts["cosine_similarity"], Frozen)
    assert not isinstance(network.hybrid.parts["chain"], Frozen)
    torch.testing.assert_close(copy(x), network(x))


def test_a_matrix_of_few_entries_is_applied_by_them():
    hybrid = hybrid_of(["chain"], "sum", 5, 40).float()
    found = frozen(Network(hybrid)).hybrid
    assert found.by_entries
    assert len(found.values) == len(hybrid.calculate_A().values())
    x = data(5, 40).float()
    torch.testing.assert_close(found(x), x @ hybrid.calculate_A().to_dense())


FUNCTIONS = ("attention", "canberra_distance", "cosine_similarity", "distance_correlation", "euclidean_distance")
FUNCTIONS += ("kernel", "knn_graph", "mutual_information", "spearman_correlation")
BUILT = ("concatenation_lowrank", "geometric_mean", "harmonic_mean", "median", "weighted_sum_learned")


def test_what_depends_on_the_batch_is_exported():
    """Functions alone, each of a family of its own, and fusions that need matrices; the rest is a constant or a sum."""
    x = data(B, M).float()
    hybrids = [hybrid_of([stem], "sum", B, M, "instance") for stem in FUNCTIONS]
    hybrids += [hybrid_of(["chain", "polynomial", "parameterized"], fusion, B, M, "instance") for fusion in BUILT]
    for hybrid in hybrids:
        network = Network(hybrid.float().eval())
        with torch.no_grad():
            found, expected = graph_of(network, x)(x), network(x)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5), (hybrid.functions, hybrid.fusion_function)


def test_a_softmax_over_the_links_of_a_graph_stays_one():
    x = data(B, M).float()
    for fusion, parts in (
        ("prod", ["graph", "bilinear"]),
        ("geometric_mean", ["multihop_chain", "graph", "polynomial"]),
    ):
        for post in (POSTPROCESSES["softmax_row"], POSTPROCESSES["softmax_column"]):
            network = Network(hybrid_of(parts, fusion, B, M, "instance", postprocess=post()).float().eval())
            assert network.hybrid.sparse
            with torch.no_grad():
                assert torch.allclose(graph_of(network, x)(x), network(x), rtol=1e-4, atol=1e-6)


def test_what_is_exported_of_the_batch_is_right_for_other_numbers_too():
    """Constant, huge, tiny, equal items: no branch was fixed by the numbers that it was followed with."""
    same = data(B, M).float()[:1].expand(B, M).clone()
    for stem in ("gaussian_rbf", "mutual_information", "cosine_similarity"):
        hybrid = hybrid_of([stem], "sum", B, M, "instance").float().eval()
        found = graph_of(Network(hybrid), data(B, M, seed=3).float())
        for x in (torch.zeros(B, M), same, data(B, M).float() * 1e-6, data(B, M).float() * 1e3):
            with torch.no_grad():
                torch.testing.assert_close(found(x), hybrid(x), rtol=1e-3, atol=1e-5)


def test_references_are_constants():
    x = data(B, M).float()
    for stem, cls in XIS.items():
        hybrid = hybrid_of([stem], "sum", B, M).float().eval()
        function = hybrid.functions[stem]
        if issubclass(cls, StreamedBase) and not function.require_parameters:
            function.fit_reference([x])
            found = frozen(Network(hybrid))
            assert isinstance(found.hybrid, Frozen), stem
            other = data(3, M, seed=5).float()
            torch.testing.assert_close(found(other), hybrid(other), rtol=1e-4, atol=1e-5)


def test_what_torch_cannot_follow_is_one_sentence():
    hybrid = hybrid_of(["knn_graph", "cosine_similarity"], "prod", B, M, "instance").float().eval()
    sentence = r"torch.export cannot follow the network of knn_graph, since it decides by .*: \w.*\.$"
    with pytest.raises(ValueError, match=sentence) as error:
        traced._exported(Network(hybrid), data(B, M).float(), False, ["knn_graph"])
    assert "\n" not in str(error.value)


def test_a_sparse_softmax_is_refused_rather_than_wrong(tables, tmp_path):
    run = run_of(tables, "y", "interdependence=[knn_graph]", "axis=instance", "postprocess=softmax_row")
    with pytest.raises(ValueError, match=r"must answer as that of .* does, got other numbers; a softmax over the"):
        command.export(str(run), str(tmp_path / "model.pt2"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_done_is_exported_and_a_wrong_file_is_refused_before_it_runs(
    tables, tmp_path, capsys, monkeypatch
):
    run = run_of(tables, "y", "model=mlp", "model.hidden=[]")
    given = [f"data.path={tables / 'train.csv'}", "data.target=y", "data.ignore=[kind]", f"runs={tables / 'runs'}"]
    words = ["train.py", "data=csv", "model=mlp", "model.hidden=[]", *given, *QUICK]
    for out, code, said in (
        (tmp_path / "mine.pt2", 0, f"exported to {tmp_path / 'mine.pt2'}, for any number of rows"),
        ("mine.pt", 2, "error: a network is exported to a file that ends with .pt2, got mine.pt."),
    ):
        monkeypatch.setattr(sys, "argv", [*words, f"export={out}"])
        with pytest.raises(SystemExit, match=f"^{code}$"):
            main()
        assert said in "".join(capsys.readouterr())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.pt2"]
    assert len(list(run.parent.glob(f"{run.name}*"))) == 1


WRONG = {
    "run=x outt=y": "outt is no setting; did you mean out",
    "out=x.pt2": "run must be given, e.g. run=runs/default/<name>",
    "run=x out=model.pt": "a network is exported to a file that ends with .pt2, got model.pt",
    "run=x out=nowhere/model.pt2": "a network is exported to a file in a folder that exists, got nowhere/model.pt2",
    "run=nothing": "run must be the folder of a run, got nothing, which does not exist",
}


def test_a_wrong_command_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words, sentence in WRONG.items():
        monkeypatch.setattr(sys, "argv", ["export", *words.split()])
        with pytest.raises(SystemExit) as end:
            command.main()
        said = capsys.readouterr().err
        assert (end.value.code, len(said.splitlines())) == (2, 1)
        assert sentence in said
    assert list(Path().iterdir()) == []
