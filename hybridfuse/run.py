"""One run: what it is called, whether it is done already, and if not, its training. Free of torch until it trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hybridfuse import console
from hybridfuse.command import CommandError
from hybridfuse.record import Record, file_checksum


def run(config: DictConfig) -> int:
    """Trains, tests and records what a configuration describes; 0 if it is done, 1 if it failed.

    Raises:
        CommandError: if the configuration cannot be built; nothing is written then.
        KeyboardInterrupt: if the run was interrupted; its record says so.
    """
    record = _record(config)
    record.refuse_running()
    if not config.force and _is_done(record, config):
        return 0
    from hybridfuse.training import train

    return train(config, record)


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
        "postprocess": choices["postprocess"] if related else None,
        "data": {"name": choices["data"]},
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
    if earlier.get("status") != "done":
        console.say(f"an earlier attempt is {earlier.get('status')} in its record; starting again")
        return False
    for option, checksum in (("path", "sha256"), ("links", "links_sha256")):
        path = config.data.get(option)
        if path is not None and Path(path).is_file() and file_checksum(Path(path)) != earlier["data"][checksum]:
            raise CommandError(f"{path} has changed since this run was done in {record.folder}; rerun with force=true.")
    console.already_done(record, earlier)
    return True
