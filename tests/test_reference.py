"""A of a whole training set, computed by streaming it: exact, kept, the same for every batch and in every process."""

import copy
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, distributed, multiprocessing, nn

from catalogue import DATA_DEPENDENT, LEAST_FEATURES, XIS, data, dense, function, hybrid_of
from hybridfuse.callbacks.reference import NUMBERS, Reference
from hybridfuse.interdependence.streamed_base import StreamedBase, fit_references

M, ROWS = 5, 60
STREAMING = [stem for stem, cls in XIS.items() if issubclass(cls, StreamedBase)]


def _is_whole_only(stem: str) -> bool:
    """Whether a function needs all features at once: it has no summary, parameters or parts that have them."""
    xi = function(stem, 6, M)
    return stem not in STREAMING and not xi.require_parameters and list(xi.leaves()) == [xi]


WHOLE_ONLY = [stem for stem in DATA_DEPENDENT if _is_whole_only(stem)]


def _rows(seed: int = 0) -> Tensor:
    """Columns of different scale, two of them almost equal, one constant, one of two values."""
    x = data(ROWS, M, seed)
    x[:, 1], x[:, 3] = 0.1, x[:, 0] + 1e-3 * x[:, 3]
    x[:, 4] = x[:, 4].sign()
    x[:, 2] *= 3.0
    return x + 0.5


@pytest.mark.parametrize("stem", STREAMING)
def test_batches_give_what_all_rows_together_give(stem: str) -> None:
    """In any order, of any size, within 1e-6; afterwards whatever x is."""
    x = _rows()
    expected = dense(function(stem, ROWS, M).calculate_A(x))
    for batches in (x.split(7), x.split(ROWS), x.flip(0).split(LEAST_FEATURES.get(stem, 1))):
        xi = function(stem, 8, M)
        xi.fit_reference(batches)
        for given in (x, x[:1], data(3, M, seed=9)):
            torch.testing.assert_close(dense(xi.calculate_A(given)), expected, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(xi(x[:1]), x[:1] @ expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("stem", STREAMING)
def test_what_is_kept_of_the_rows_does_not_grow_with_them(stem: str) -> None:
    xi = function(stem, 8, M)
    sizes = {tuple(torch.as_tensor(field).numel() for field in xi.summary(data(M, d))) for d in (4, 40, 400)}
    assert len(sizes) == 1
    assert sum(sizes.pop()) <= 4 * M * M + 8 * M


@pytest.mark.parametrize("stem", STREAMING)
def test_summaries_merge_in_any_grouping(stem: str) -> None:
    xi = function(stem, 8, M)
    first, second, third = (xi.summary(part.T) for part in _rows().split(20))
    left, right = first.merge(second).merge(third), first.merge(second.merge(third))
    torch.testing.assert_close(dense(xi.from_summary(left)), dense(xi.from_summary(right)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("stem", STREAMING)
def test_a_reference_is_part_of_the_state(stem: str) -> None:
    xi, other = function(stem, 8, M), function(stem, 8, M)
    xi.fit_reference(_rows().float().split(8))
    x = data(2, M, dtype=torch.float32)
    for loaded in (copy.deepcopy(xi), other):
        loaded.load_state_dict(xi.state_dict())
        assert torch.equal(dense(loaded.calculate_A(x)), dense(xi.calculate_A(x)))
    values = other.state_dict()["reference.values"]
    assert values.dtype == torch.float32
    values.zero_()
    assert dense(xi.calculate_A(x)).abs().max() > 0
    other.load_state_dict(function(stem, 8, M).state_dict())
    assert other.reference is None


def test_a_reference_has_no_gradient_and_no_graph() -> None:
    xi, x = function("cosine_similarity", 8, M), _rows().requires_grad_()
    xi.fit_reference(x.split(8))
    assert not xi.calculate_A(x).requires_grad


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: function("gaussian_rbf", 8, M, "instance"), "gaussian_rbf on the instance axis relates the rows of a"),
        (lambda: function("gaussian_rbf", 8, M, learnable=True), "gaussian_rbf has learnable parameters, so its A"),
    ],
)
def test_what_has_no_reference_says_so(build: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        build().fit_reference([_rows()])


def test_no_rows_are_no_reference() -> None:
    with pytest.raises(ValueError, match=r"^gaussian_rbf needs reference data in every process, got no rows\."):
        function("gaussian_rbf", 8, M).fit_reference([])


@pytest.mark.parametrize("stem", DATA_DEPENDENT)
def test_a_class_states_whether_it_streams(stem: str) -> None:
    assert XIS[stem].streams == (stem in STREAMING)
    says_not = re.search(r"(cannot|not|never) (be )?stream", " ".join((XIS[stem].__doc__ or "").split()))
    assert says_not if stem in WHOLE_ONLY else not (says_not and stem in STREAMING)


class Layers(pl.LightningModule):
    """Two hybrids, one of the data, one of hidden units."""

    def __init__(self, first: list[str], second: list[str]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.ModuleDict({"hybrid": hybrid_of(first, "mean", 8, M)})
        self.dropout = nn.Dropout(0.5)
        self.second = nn.ModuleDict({"hybrid": hybrid_of(second, "mean", 8, M)})
        self.linear = nn.Linear(M, M)

    def forward(self, x: Tensor) -> Tensor:
        return self.second["hybrid"](self.dropout(self.linear(self.first["hybrid"](x)).tanh()))

    def training_step(self, batch: tuple[Tensor]) -> Tensor:
        return self(batch[0]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Rows(pl.LightningDataModule):
    b, m = 8, M

    def __init__(self) -> None:
        super().__init__()
        self.asked = set[int | None]()

    def reference_dataloader(self, rows: int | None = None) -> list[tuple[Tensor]]:
        self.asked.add(rows)
        return [(part,) for part in _rows().float().split(rows or self.b)]

    def train_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(_rows().float(), batch_size=8, collate_fn=lambda rows: (torch.stack(rows),))


def _fit(network: Layers, folder: Path, *callbacks: pl.Callback) -> Rows:
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    rows = Rows()
    trainer.fit(network, datamodule=rows)
    return rows


class Watch(pl.Callback):
    """The matrices of both layers at the beginning of each epoch, and what that of hidden units should be."""

    def __init__(self) -> None:
        self.matrices: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            first, second = pl_module.first["hybrid"], pl_module.second["hybrid"]
            x = _rows().float()
            hidden = pl_module.linear(first(x)).tanh().detach()
            units = hidden / hidden.norm(dim=0)
            seen = (first.calculate_matrices(x[:2])["pearson_correlation"], units.T @ units)
            self.matrices.append((*seen, second.calculate_matrices(hidden[:2])["cosine_similarity"]))


@pytest.mark.filterwarnings("ignore")
def test_hidden_layers_follow_the_weights_of_the_epoch_and_the_data_layer_does_not(tmp_path: Path) -> None:
    watch = Watch()
    _fit(Layers(["chain", "pearson_correlation"], ["cosine_similarity", "chain"]), tmp_path, Reference(), watch)
    (of_data, expected, hidden), (of_data_later, expected_later, hidden_later) = watch.matrices
    correlation = function("pearson_correlation", ROWS, M).calculate_A(_rows()).float()
    torch.testing.assert_close(of_data, correlation, rtol=1e-5, atol=1e-5)
    assert torch.equal(of_data, of_data_later)
    torch.testing.assert_close(hidden, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(hidden_later, expected_later, rtol=1e-4, atol=1e-5)
    assert (hidden - hidden_later).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore")
def test_rows_are_read_many_at_a_time_unless_those_of_a_batch_are_related(tmp_path: Path) -> None:
    network = Layers(["chain", "pearson_correlation"], ["cosine_similarity", "chain"])
    assert _fit(network, tmp_path, Reference()).asked == {NUMBERS // M}
    network.first["hybrid"] = hybrid_of(["identity", "gaussian_rbf"], "mean", 8, M, "instance")
    assert _fit(network, tmp_path, Reference()).asked == {None}


class Company(pl.Callback):
    """The callbacks that steps ask."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.kinds = {type(callback) for callback in trainer.callbacks}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("second", "asked"), [("cosine_similarity", {Reference, Company}), ("linear", {Company})])
def test_steps_ask_only_while_references_change(second: str, asked: set[type], tmp_path: Path) -> None:
    company = Company()
    network = Layers(["chain", "pearson_correlation"], [second, "chain"])
    _fit(network, tmp_path, Reference(["linear"]), company)
    assert company.kinds == asked
    assert dict(network.first["hybrid"].functions)["pearson_correlation"].reference is not None


@pytest.mark.filterwarnings("ignore")
def test_one_row_is_predicted_as_among_others(tmp_path: Path) -> None:
    network = Layers(["chain", "pearson_correlation"], ["cosine_similarity", "gaussian_rbf"])
    _fit(network, tmp_path, Reference())
    x = data(9, M, dtype=torch.float32)
    together = network.eval()(x)
    alone = torch.cat([network(row[None]) for row in x])
    torch.testing.assert_close(alone, together)
    fresh = Layers(["chain", "pearson_correlation"], ["cosine_similarity", "gaussian_rbf"]).eval()
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(x), together)


@pytest.mark.filterwarnings("ignore")
def test_what_is_left_to_the_batch_is_of_the_batch(tmp_path: Path) -> None:
    network = Layers(["chain", "pearson_correlation"], ["cosine_similarity", "gaussian_rbf"])
    _fit(network, tmp_path, Reference(["pearson_correlation", "gaussian_rbf"]))
    streamed = {
        leaf.name
        for hybrid in (network.first["hybrid"], network.second["hybrid"])
        for leaf in hybrid.leaves()
        if isinstance(leaf, StreamedBase) and leaf.reference is not None
    }
    assert streamed == {"cosine_similarity"}


@pytest.mark.parametrize("stem", WHOLE_ONLY)
def test_what_cannot_stream_says_what_to_do(stem: str) -> None:
    network = Layers(["chain", stem], ["chain"])
    remedy = rf"^{stem} cannot be computed batch by batch .*'reference.batch=\[{stem}\]' takes it from each batch"
    with pytest.raises(ValueError, match=remedy):
        Reference().functions(network)
    assert Reference([stem]).functions(network) == {}


def test_a_function_left_to_the_batch_must_be_one_in_use_or_not() -> None:
    network = Layers(["chain"], ["cosine_similarity"])
    with pytest.raises(ValueError, match=r"^reference\.batch must be one of .* did you mean cosine_similarity\?"):
        Reference(["cosine"]).functions(network)
    assert len(Reference(["hsic"]).functions(network)) == 1


def test_functions_with_parameters_and_of_instances_are_of_the_batch() -> None:
    network = nn.ModuleDict({"a": hybrid_of(["bilinear", "attention"], "mean", 8, M)})
    network["b"] = hybrid_of(["cosine_similarity", "gaussian_rbf"], "mean", 8, M, "instance")
    assert Reference().functions(network) == {}


def _process(rank: int, world: int, port: int, folder: str) -> None:
    """One of several that stream a share of the rows each."""
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    functions: Any = [function(stem, 8, M) for stem in STREAMING]
    shares = [part[rank::world] for part in _rows().split(9)]
    fit_references(functions, shares)
    torch.save([dense(xi.calculate_A(shares[0])) for xi in functions], f"{folder}/{rank}.pt")
    message = ""
    try:
        fit_references(functions[:1], shares if rank else [])
    except ValueError as error:
        message = str(error)
    Path(folder, f"{rank}.txt").write_text(message)
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_process, (2, port, str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for stem, ours, theirs in zip(STREAMING, first, second, strict=True):
        assert torch.equal(ours, theirs), stem
        expected = dense(function(stem, ROWS, M).calculate_A(_rows()))
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-9, msg=lambda text, stem=stem: f"{stem}: {text}")
    for rank in range(2):
        assert "needs reference data in every process" in (tmp_path / f"{rank}.txt").read_text()
