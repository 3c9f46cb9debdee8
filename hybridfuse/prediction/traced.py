"""A network as a graph of torch's operations, which needs none of our code."""

import contextlib
import io
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import ExportedProgram

from hybridfuse.disk import whole
from hybridfuse.frozen import frozen
from hybridfuse.prediction import batches
from hybridfuse.prediction.finished import FinishedRun

_CLOSE = 1e-4
_ROWS = 37
"""Of the batch that is followed, where their number does not matter; hardly that of a layer, too."""


class Answering(nn.Module):
    """A network whose outputs are probabilities, or numbers in the units of the target.

    Args:
        network: gives scores of classes, or standardised numbers.
        known: what is known of the data.
    """

    def __init__(self, network: nn.Module, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.task = known["task"]
        self.mean, self.scale = known["target_mean"], known["target_scale"]

    def forward(self, x: Float[Tensor, "b m"]) -> Tensor:
        output = self.network(x)
        if self.task == "classification":
            return output.softmax(dim=1)
        return output if self.task == "forecast" else output.squeeze(1) * self.scale + self.mean


def program(run: FinishedRun) -> tuple[ExportedProgram, int | None]:
    """The graph of a run's network, and the rows that x must have; None where it may have any number.

    Where rows of a batch are related, or torch cannot leave their number open, batches are as large as in training.

    Raises:
        ValueError: if torch cannot follow the network, or the graph answers otherwise than the network.
    """
    network = run.network()
    answering, related = Answering(network, run.known).eval(), batches.relating(network)
    plain = Answering(frozen(network), run.known).eval()
    b, m = run.known["b"], run.known["m"]
    for rows in (b,) if related else (None, b):
        x = torch.randn(rows or _ROWS, m, generator=torch.Generator().manual_seed(0))
        found = _exported(plain, x, rows is None, related)
        others = [x[:1], x.repeat(5, 1), x.repeat(b // _ROWS + 1, 1)[:b]] if rows is None else []
        if found is not None and _same(answering, found, [x, *others]):
            return found, rows
    softmax = f"; a softmax over the entries of a sparse matrix, here of {', '.join(related)}, cannot be exported"
    raise ValueError(
        f"the exported network must answer as that of {run.folder} does, got other numbers{softmax if related else ''}."
    )


def save(found: ExportedProgram, path: Path, extra: dict[str, Any]) -> None:
    """Writes a graph, whole or not at all."""
    found.example_inputs = None  # they would be as large as a batch
    with whole(path) as temporary, _quiet():
        torch.export.save(found, temporary, extra_files=extra)


def _exported(network: nn.Module, x: Tensor, any_rows: bool, related: Sequence[str]) -> ExportedProgram | None:
    """The graph; None where the number of rows cannot be left open."""
    rows = ({0: torch.export.Dim.AUTO},) if any_rows else None
    try:
        with torch.no_grad(), _quiet():
            return torch.export.export(network, (x.clone(),), dynamic_shapes=rows)
    except Exception as error:  # torch raises a dozen kinds, some of them its own
        if any_rows:
            return None
        first = str(error).strip().partition("\n")[0].partition(" (unhinted")[0].rstrip(". ")
        names = f" of {', '.join(related)}" if related else ""
        raise ValueError(
            f"torch.export cannot follow the network{names}, since it decides by the numbers of a batch, or holds "
            f"sparse matrices that follow from them: {first}."
        ) from error


def _same(network: nn.Module, found: ExportedProgram, batches: Iterable[Tensor]) -> bool:
    """Whether a graph gives what the network gives."""
    with torch.no_grad(), _quiet():
        called = found.module()
        try:
            return all(_close(called(x), network(x)) for x in batches)
        except (AssertionError, RuntimeError):  # a guard of the graph
            return False


def _close(given: Tensor, expected: Tensor) -> bool:
    return torch.allclose(given, expected, rtol=_CLOSE, atol=_CLOSE * float(expected.abs().max()))


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """Without what torch prints and warns of; what matters is raised."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
