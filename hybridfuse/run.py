"""One run: from a composed configuration to a record."""

import logging
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig
from pytorch_lightning.accelerators import AcceleratorRegistry
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn

from hybridfuse import check, console
from hybridfuse.callbacks.hyperparameters import Hyperparameters
from hybridfuse.callbacks.interrupt import Interrupt
from hybridfuse.command import CommandError
from hybridfuse.instantiate import instantiate
from hybridfuse.module import SupervisedModule
from hybridfuse.record import Record, file_checksum, is_running
from hybridfuse.task import Classification, Regression, Task

DONE, FAILED = 0, 1
T = TypeVar("T")


def run(config: DictConfig) -> int:
    """Trains, tests and records what a configuration describes; 0 if it is done, 1 if it failed.

    Raises:
        CommandError: if the configuration cannot be built; nothing is written then.
        KeyboardInterrupt: if the run was interrupted; its record says so.
    """
    record = _record(config)
    if not config.force and _is_done(record, config):
        return DONE
    _quieten()
    if config.device.threads is not None:
        torch.set_num_threads(_built("device", lambda: check.whole("threads", config.device.threads)))
    _built("seed", lambda: pl.seed_everything(check.whole("seed", config.seed, least=0), workers=True, verbose=False))
    data = _built("data", lambda: instantiate(config.data))
    try:
        data.setup()
    except (ValueError, OSError) as error:
        return _failed(record, error)
    module = _module(config, data)
    trainer = _trainer(config, record.folder, _hyperparameters(config, record, module))
    record.fields |= {
        "data": {"name": data.name, "rows": data.rows, "sha256": data.checksum},
        "parameters": sum(p.numel() for p in module.parameters() if p.requires_grad),
        "device": _device(trainer.strategy.root_device),
    }
    record.start()
    console.header(record, data, trainer)
    try:
        record.fields |= _trained(trainer, module, data)
    except (KeyboardInterrupt, SystemExit) as error:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        record.finish("interrupted")
        console.interrupted(record)
        raise KeyboardInterrupt from error
    except Exception as error:
        return _failed(record, error)
    record.fields["baseline"] = {f"test/{name}": value for name, value in data.baseline().items()}
    record.finish("done")
    console.results(record)
    return DONE


def _record(config: DictConfig) -> Record:
    choices: Mapping[str, Any] = HydraConfig.get().runtime.choices
    experiment = choices.get("experiment") or "default"
    related = choices.get("model") != "mlp"
    functions = list(config.interdependence) if related else []
    facts = {
        "experiment": experiment,
        "seed": config.seed,
        "interdependence": functions,
        "fusion": choices["fusion"] if related else None,
        "axis": choices["axis"] if related else None,
        "model": choices["model"],
        "overrides": list(HydraConfig.get().overrides.task),
    }
    relation = [choices["axis"], "-".join(functions), choices["fusion"]] if related else []
    data = Path(config.data.get("path") or choices["data"]).stem
    return Record(config, experiment, [data, choices["model"], *relation, f"seed{config.seed}"], facts)


def _is_done(record: Record, config: DictConfig) -> bool:
    """Whether the same configuration ran before, on the same data; says so."""
    earlier = record.earlier()
    if earlier is None:
        return False
    if is_running(earlier):
        raise CommandError(f"this run is at work in another process: {record.folder}.")
    if earlier.get("status") != "done":
        console.say(f"an earlier attempt is {earlier.get('status')} in its record; starting again")
        return False
    path = config.data.get("path")
    if path is not None and Path(path).is_file() and file_checksum(Path(path)) != earlier["data"]["sha256"]:
        raise CommandError(f"{path} has changed since this run was done in {record.folder}; rerun with force=true.")
    console.already_done(record, earlier)
    return True


def _module(config: DictConfig, data: Any) -> SupervisedModule:
    sizes = {"b": data.b, "m": data.m, "outputs": data.outputs}
    network: nn.Module = _built("model", lambda: instantiate(config.model, sizes))
    for name, value in config.optimizer.items():
        if isinstance(value, str) and not name.startswith("_"):
            raise CommandError(f"optimizer.{name} must be a number, got {value!r}.")
    optimizer = _built("optimizer", lambda: instantiate(config.optimizer))
    scheduler = _built("scheduler", lambda: instantiate(config.scheduler)) if config.scheduler else None
    task = _built("label_smoothing", lambda: _task(data, config.label_smoothing))
    module = SupervisedModule(network, task, optimizer, scheduler)
    _built("optimizer", module.configure_optimizers)
    return module


def _task(data: Any, label_smoothing: float) -> Task:
    if data.classes:
        return Classification(len(data.classes), label_smoothing)
    return Regression(data.target_mean, data.target_scale)


def _trainer(config: DictConfig, folder: Path, hyperparameters: Hyperparameters) -> pl.Trainer:
    logger = _built("logger", lambda: instantiate(config.logger)(save_dir=folder)) if config.logger else False
    chosen = [node for node in config.callbacks.values() if node] if config.callbacks else []
    callbacks = [*(_built("callbacks", lambda n=node: instantiate(n)) for node in chosen), hyperparameters, Interrupt()]
    _built("trainer", lambda: check.whole("max_epochs", config.trainer.max_epochs))
    devices = config.trainer.devices
    if devices != 1 and not (isinstance(devices, ListConfig) and len(devices) == 1):
        raise CommandError(f"device.devices must be 1, or a list of one index, got {devices}.")
    make = _built("trainer", lambda: instantiate(config.trainer, {"_partial_": True}))
    try:
        return _built("trainer", lambda: make(logger=logger, callbacks=callbacks, default_root_dir=folder))
    except CommandError as error:
        if AcceleratorRegistry[config.device.accelerator]["accelerator"].is_available():
            raise
        raise CommandError(
            f"device: there is no {config.device.accelerator} device here; device=auto takes the best that is."
        ) from error


def _hyperparameters(config: DictConfig, record: Record, module: nn.Module) -> Hyperparameters:
    facts = record.fields
    choices: Mapping[str, Any] = HydraConfig.get().runtime.choices
    groups = ("data", "model", "axis", "interdependence", "fusion", "postprocess")
    settings = [word for word in facts["overrides"] if word.lstrip("+").partition("=")[0] not in (*groups, "seed")]
    return Hyperparameters(
        {
            "data": choices["data"] or "",
            "model": facts["model"],
            "axis": facts["axis"] or "none",
            "interdependence": "+".join(facts["interdependence"]) or "none",
            "fusion": facts["fusion"] or "none",
            "postprocess": choices["postprocess"] or "none",
            "seed": facts["seed"],
            "parameters": sum(parameter.numel() for parameter in module.parameters()),
            "learning_rate": float(config.optimizer.get("lr", 0.0)),
            "settings": " ".join(settings),
        }
    )


def _built(part: str, build: Callable[[], T]) -> T:
    """What `build` makes; that it cannot is a mistake in the command."""
    try:
        return build()
    except (ValueError, TypeError, MisconfigurationException) as error:
        raise CommandError(f"{part}: {_sentence(error)}") from error


def _device(device: torch.device) -> str:
    return f"{device}, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _trained(trainer: pl.Trainer, module: SupervisedModule, data: Any) -> dict[str, Any]:
    """What the record says of training: metrics of its last epoch, and of validation and test at the best one."""
    trainer.fit(module, datamodule=data)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("train/")}
    epochs = trainer.current_epoch
    best_epoch = _restore_best(trainer, module, epochs)
    for evaluate in (trainer.validate, trainer.test):
        results = evaluate(module, datamodule=data, verbose=False)
        metrics |= {name: value for name, value in results[0].items() if "/" in name}
    return {"metrics": metrics, "epochs": epochs, "best_epoch": best_epoch}


def _restore_best(trainer: pl.Trainer, module: SupervisedModule, last: int) -> int:
    """Gives the module its best weights; the epoch that they are of."""
    kept = [c.best_model_path for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
    if not any(kept):
        return last
    checkpoint = torch.load(next(filter(None, kept)), map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    return checkpoint["epoch"] + 1


def _failed(record: Record, error: Exception) -> int:
    if not record.started:
        record.start()
    record.fields["traceback"] = traceback.format_exception(error)
    record.finish("failed", f"{type(error).__name__}: {error}")
    console.failed(record, _sentence(error))
    return FAILED


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _quieten() -> None:
    """Of all warnings only ours are for the reader of a run, a line each."""
    for name in ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module=r"hybridfuse\.")
    warnings.showwarning = _note
    threading.excepthook = _thread_ended


def _note(message: Warning | str, *place: object) -> None:
    print(f"note: {message}", file=sys.stderr)


def _thread_ended(error: threading.ExceptHookArgs) -> None:
    """TensorBoard's writer hands what goes wrong with a disk to the main thread, which tells it."""
    if not issubclass(error.exc_type, OSError):
        threading.__excepthook__(error)
