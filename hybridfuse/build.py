"""The parts of a run, built from its configuration; what cannot be built is a mistake in the command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
from omegaconf import DictConfig, ListConfig, OmegaConf
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn

from hybridfuse import check
from hybridfuse.callbacks.hyperparameters import Hyperparameters
from hybridfuse.callbacks.interrupt import Interrupt
from hybridfuse.callbacks.network_summary import NetworkSummary
from hybridfuse.callbacks.reference import Reference
from hybridfuse.command import CommandError
from hybridfuse.data import views
from hybridfuse.instantiate import Config, instantiate, lacks
from hybridfuse.module import SupervisedModule
from hybridfuse.raised import sentence
from hybridfuse.record import Record
from hybridfuse.reporter import Reporter
from hybridfuse.task import Classification, Forecast, Regression, Task

T = TypeVar("T")


def built(part: str, build: Callable[[], T]) -> T:
    """What `build` makes.

    Raises:
        CommandError: if it cannot, with the part before the reason.
    """
    try:
        return build()
    except (ValueError, TypeError, OSError, MisconfigurationException) as error:
        raise CommandError(f"{part}: {sentence(error)}") from error


def check_numbers(config: DictConfig) -> None:
    """Settings that Lightning and torch take as they are, and stumble over later.

    Raises:
        CommandError: if one of them is no number, or none that is possible.
    """
    for name in ("max_epochs", "log_every_n_steps"):
        built("trainer", lambda name=name: check.whole(name, config.trainer[name]))
    if config.trainer.gradient_clip_val is not None:
        built("trainer", lambda: check.positive("gradient_clip_val", config.trainer.gradient_clip_val))
    for part in ("optimizer", "scheduler"):
        for name, value in (config[part] or {}).items():
            if (value is None or isinstance(value, str)) and not name.startswith("_") and name != "mode":
                raise CommandError(f"{part}.{name} must be a number, got {value!r}.")


def module(config: DictConfig, data: Any) -> SupervisedModule:
    """The network for a data set that is set up, with its task, optimiser and schedule."""
    sizes = {"b": data.b, "m": data.m, "outputs": data.outputs}
    network: nn.Module = built("model", lambda: instantiate(_model(config, data), sizes | _links(config, data)))
    optimizer = built("optimizer", lambda: instantiate(config.optimizer))
    scheduler = built("scheduler", lambda: instantiate(config.scheduler)) if config.scheduler else None
    task = built("label_smoothing", lambda: _task(data, config.label_smoothing))
    learner = SupervisedModule(network, task, optimizer, scheduler)
    built("optimizer", learner.configure_optimizers)
    return learner


def _model(config: DictConfig, data: Any) -> Config:
    """The configuration of the network, the names of views of the data replaced by their columns."""
    found = getattr(data, "views", None)
    return config.model if not found else views.resolved(OmegaConf.to_container(config.model, resolve=True), found)


def _links(config: DictConfig, data: Any) -> dict[str, Any]:
    """The links of a data set that has some, for a network that takes them."""
    links = getattr(data, "links", None)
    return {} if links is None or not lacks(config.model, "links") else {"links": links}


def trainer(config: DictConfig, record: Record, learner: nn.Module, reporter: Reporter) -> pl.Trainer:
    """The trainer on the chosen device, with its logger and callbacks, writing to the folder of the record."""
    _check_device(config.device.accelerator, config.trainer.devices)
    logger = built("logger", lambda: instantiate(config.logger)(save_dir=record.folder)) if config.logger else False
    chosen = [node for name, node in config.callbacks.items() if node and name != "progress"]
    callbacks: list[Any] = _reference(config, learner)
    callbacks += [built("callbacks", lambda n=node: instantiate(n)) for node in chosen]
    callbacks += built("callbacks", lambda: reporter.callbacks(config.callbacks))
    callbacks += [NetworkSummary(), Interrupt()]
    if logger:
        callbacks.append(Hyperparameters(_hyperparameters(config, record, learner)))
    make = built("trainer", lambda: instantiate(config.trainer, {"_partial_": True}))
    return built("trainer", lambda: make(logger=logger, callbacks=callbacks, default_root_dir=Path(record.folder)))


def _reference(config: DictConfig, learner: nn.Module) -> list[Reference]:
    """What gives functions their matrices of the training split, found to be possible; before all that draws them."""
    if not config.reference:
        return []
    reference: Reference = built("reference", lambda: instantiate(config.reference))
    built("reference", lambda: reference.functions(learner))
    return [reference]


def _check_device(accelerator: str, devices: object) -> None:
    if devices != 1 and not (isinstance(devices, ListConfig) and len(devices) == 1):
        raise CommandError(f"device.devices must be 1, or a list of one index, got {devices}.")
    known = ["auto", *AcceleratorRegistry.available_accelerators()]
    built("device", lambda: check.choice("accelerator", accelerator, known))
    if accelerator != "auto" and not AcceleratorRegistry[accelerator]["accelerator"].is_available():
        raise CommandError(f"device: there is no {accelerator} device here; device=auto takes the best that is.")


def _task(data: Any, label_smoothing: float) -> Task:
    if data.classes:
        return Classification(len(data.classes), label_smoothing)
    return Forecast() if data.task == "forecast" else Regression(data.target_scale)


def _hyperparameters(config: DictConfig, record: Record, learner: nn.Module) -> dict[str, str | float]:
    """The choices that TensorBoard compares, the same columns for every run."""
    facts = record.fields
    columns = ("data", "model", "axis", "interdependence", "fusion", "postprocess", "seed")
    settings = [word for word in facts["overrides"] if word.lstrip("+").partition("=")[0] not in columns]
    return {
        "data": facts["data"]["name"],
        "model": facts["model"],
        "axis": facts["axis"] or "none",
        "interdependence": "+".join(facts["interdependence"]) or "none",
        "fusion": facts["fusion"] or "none",
        "postprocess": facts["postprocess"] or "none",
        "seed": facts["seed"],
        "parameters": sum(parameter.numel() for parameter in learner.parameters()),
        "learning_rate": float(config.optimizer.get("lr", 0.0)),
        "settings": " ".join(settings),
    }
