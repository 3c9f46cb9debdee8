"""A run that is done, as its folder keeps it: the configuration, what is known of the data, the trained network."""

import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.data import views
from hybridfuse.data.preparation import Preparation
from hybridfuse.instantiate import instantiate, lacks
from hybridfuse.interdependence.stored_base import StoredBase
from hybridfuse.record import parsed

_PREFIX = "network."


@dataclass(frozen=True)
class FinishedRun:
    """What is needed to predict, of which nothing is computed from the training data again.

    Args:
        folder: of the run.
        config: its configuration, resolved.
        known: what is known of the data, as `Data.state_dict` gives it.
        weights: the state of the network at the best epoch.
    """

    folder: Path
    config: DictConfig
    known: dict[str, Any]
    weights: dict[str, Tensor]

    @property
    def preparation(self) -> Preparation | None:
        """How a table's columns become attributes."""
        state = self.known["preparation"]
        return None if state is None else Preparation.of_state(state)

    def network(self, b: int | None = None, links: Any = None) -> nn.Module:
        """The trained network, in evaluation mode.

        Args:
            b: rows of a batch, for which parts of the instance type are made; by default as in training.
            links: of a graph whose nodes the rows are; by default as in training.

        Raises:
            ValueError: if it cannot be built, or its weights are of other sizes.
        """
        sizes = {"b": b or self.known["b"], "m": self.known["m"], "outputs": self.known["outputs"]}
        links = self.known.get("links") if links is None else links
        related = {"links": links} if links is not None and lacks(self.config.model, "links") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said in training
            network: nn.Module = instantiate(self._model(), sizes | related)
        try:
            network.load_state_dict(self._fitting(network) if b else self.weights)
        except RuntimeError as error:
            line = str(error).strip().splitlines()[-1].strip()
            raise ValueError(f"weights of {self.folder} must fit the network of its config.yaml: {line}") from error
        return network.eval()

    def _model(self) -> Any:
        found = {name: slice(*ends) for name, ends in self.known.get("views", {}).items()}
        return views.resolved(OmegaConf.to_container(self.config.model, resolve=True), found)

    def _fitting(self, network: nn.Module) -> dict[str, Tensor]:
        """The weights as trained, but for matrices that relate the rows of a batch, which are those of other rows."""
        related = tuple(
            f"{name}.stored."
            for name, module in network.named_modules()
            if isinstance(module, StoredBase) and module.interdependence_type == "instance"
        )
        own = {name: value for name, value in network.state_dict().items() if name.startswith(related)}
        return {name: value for name, value in self.weights.items() if not name.startswith(related)} | own


def opened(folder: str) -> FinishedRun:
    """The run in a folder.

    Raises:
        CommandError: if there is no run in the folder, it is not done, or its checkpoint is missing or damaged.
    """
    path = Path(folder).expanduser()
    _check_done(path)
    checkpoint = _checkpoint(path)
    try:
        config = OmegaConf.load(path / "config.yaml")
    except OSError as error:
        raise CommandError(f"run must be a folder with a config.yaml, got {path}: {error.strerror}.") from error
    known = checkpoint.get(str(config.data["_target_"]).rpartition(".")[2])
    if not isinstance(config, DictConfig) or known is None:
        raise CommandError(
            f"the checkpoint in {path} is of an earlier version and says nothing of the data; "
            "run the same command again with force=true."
        )
    weights = checkpoint["state_dict"].items()
    return FinishedRun(
        path, config, known, {n.removeprefix(_PREFIX): value for n, value in weights if n.startswith(_PREFIX)}
    )


def _check_done(folder: Path) -> None:
    try:
        record: Any = parsed((folder / "record.json").read_bytes())
    except OSError as error:
        raise CommandError(f"run must be the folder of a run, got {folder}{_reason(folder)}") from error
    except ValueError as error:
        raise CommandError(f"run must be the folder of a run, got {folder}, whose record.json is damaged.") from error
    status = record.get("status") if isinstance(record, dict) else None
    if status != "done":
        raise CommandError(f"run must be one that is done, got {folder}, which is {status} in its record.")


def _reason(folder: Path) -> str:
    if folder.is_dir():
        return ", where there is no record.json."
    beside = [other.name for other in folder.parent.iterdir() if other.is_dir()] if folder.parent.is_dir() else []
    return f", which does not exist{check.nearest(folder.name, beside) or '.'}"


def _checkpoint(folder: Path) -> dict[str, Any]:
    kept = sorted((folder / "checkpoints").glob("*.ckpt"), key=lambda file: (file.stem != "best", file.name))
    if not kept:
        raise CommandError(f"run must have kept a checkpoint, got {folder}, where there is none below checkpoints.")
    try:
        checkpoint: Any = torch.load(kept[0], map_location="cpu", weights_only=True)
        return {**checkpoint, "state_dict": dict(checkpoint["state_dict"])}
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, OSError) as error:
        raise CommandError(f"the checkpoint {kept[0]} must be one of torch.save, got a damaged file.") from error
