"""Training, testing and recording what a configuration describes."""

import logging
import signal
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import ModelCheckpoint

from hybridfuse import allocation, build, check
from hybridfuse.callbacks import resume
from hybridfuse.callbacks.interrupt import is_interrupt
from hybridfuse.disk import is_full, thread_ended
from hybridfuse.instantiate import instantiate
from hybridfuse.module import SupervisedModule
from hybridfuse.raised import raised, sentence
from hybridfuse.record import Record
from hybridfuse.reporter import Reporter

DONE, FAILED = 0, 1


def train(config: DictConfig, record: Record, reporter: Reporter, data: Any = None) -> int:
    """Runs a configuration and finishes its record; 0 if it is done, 1 if it failed.

    Args:
        config: what to run.
        record: of the run.
        reporter: told what happens.
        data: the data of the configuration, where `read` has had them already.

    Raises:
        CommandError: if the configuration cannot be built; nothing is written then.
        KeyboardInterrupt: if the run was interrupted; its record says so.
    """
    record.start_clock()
    _quieten()
    build.check_numbers(config)
    try:
        data = data or read(config)
        learner, trainer = _built(config, record, reporter, data)
    except (ValueError, OSError, SystemExit) as error:
        return _failed(record, reporter, error)
    resumed = _resumed(record, data.checksum)
    record.start(keep=resumed is not None)
    reporter.begun(record, data)
    try:
        record.fields |= _trained(trainer, learner, data, resumed)
    except BaseException as error:  # whatever it is, the record is to say it
        if not is_interrupt(error):
            return _failed(record, reporter, error)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        record.finish("interrupted")
        reporter.interrupted(record)
        raise KeyboardInterrupt from error
    record.fields["baseline"] = {f"test/{name}": value for name, value in data.baseline().items()}
    record.finish("done")
    reporter.results(record)
    return DONE


def _built(config: DictConfig, record: Record, reporter: Reporter, data: Any) -> tuple[SupervisedModule, pl.Trainer]:
    """What is trained, and what trains it; the record says of which data and size."""
    _seed(config)
    record.fields["data"] = {"name": data.name, "rows": data.rows, "sha256": data.checksum}
    if (links := getattr(data, "links_checksum", None)) is not None:
        record.fields["data"]["links_sha256"] = links
    learner = build.module(config, data)
    trainer = build.trainer(config, record, learner, reporter)
    record.fields |= {
        "parameters": sum(parameter.numel() for parameter in learner.parameters() if parameter.requires_grad),
        "device": _device(trainer.strategy.root_device),
        "precision": trainer.precision,
    }
    return learner, trainer


def read(config: DictConfig) -> Any:
    """The data of a configuration, set up.

    Raises:
        CommandError: if the configuration cannot be built.
        ValueError, OSError: if the data cannot be read, or learned from.
    """
    allocation.keep_freed()
    if config.device.threads is not None:
        torch.set_num_threads(build.built("device", lambda: check.whole("threads", config.device.threads)))
    _seed(config)
    data = build.built("data", lambda: instantiate(config.data))
    data.setup()
    return data


def _seed(config: DictConfig) -> None:
    def seed() -> None:
        pl.seed_everything(check.whole("seed", config.seed, least=0), workers=True, verbose=False)

    build.built("seed", seed)


def _device(device: torch.device) -> str:
    return f"{device}, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _resumed(record: Record, checksum: str) -> Path | None:
    """Where an earlier attempt at the same run on the same data was interrupted, if it can be read."""
    path = resume.checkpoint(record.folder)
    earlier = record.earlier() or {}
    if earlier.get("status") == "done" or (earlier.get("data") or {}).get("sha256") != checksum:
        return None
    try:
        epoch = torch.load(path, map_location="cpu", weights_only=True)["epoch"]
    except Exception:  # torch raises whatever its bytes lead to; the run begins anew then
        return None
    record.fields["resumed_after_epoch"] = epoch
    return path


def _trained(trainer: pl.Trainer, module: SupervisedModule, data: Any, resumed: Path | None) -> dict[str, Any]:
    """What the record says of training: metrics of its last epoch, and of validation and test at the best one."""
    trainer.fit(module, datamodule=data, ckpt_path=resumed, weights_only=True)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("train/")}
    epochs = trainer.current_epoch
    best_epoch = _restore_best(trainer, module, epochs)
    for evaluate in (trainer.validate, trainer.test):
        evaluate(module, datamodule=data, verbose=False)
        metrics |= {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}
    return {"metrics": metrics, "epochs": epochs, "best_epoch": best_epoch}


def _restore_best(trainer: pl.Trainer, module: SupervisedModule, last: int) -> int:
    """Gives the module its best weights; the epoch that they are of."""
    kept = [c.best_model_path for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
    if not any(kept):
        return last
    checkpoint = torch.load(next(filter(None, kept)), map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    return checkpoint["epoch"] + 1


def _failed(record: Record, reporter: Reporter, error: BaseException) -> int:
    if not record.started:
        record.start()
    record.fields["traceback"] = traceback.format_exception(error)
    record.finish("interrupted" if is_full(error) else "failed", raised(error))
    reporter.failed(record, sentence(error))
    return FAILED


def _quieten() -> None:
    """Of all warnings only ours are for the reader of a run, a line each."""
    for name in ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", module=r"hybridfuse\.")
    warnings.showwarning = _note
    threading.excepthook = thread_ended


def _note(message: Warning | str, *place: object) -> None:
    print(f"note: {message}", file=sys.stderr)
