"""What the record of a run says, typed. Free of torch."""

import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from hybridfuse.record import is_running

STATUSES = ("running", "done", "failed", "interrupted", "pruned")
_STATED = ("interdependence", "fusion", "axis", "model", "postprocess", "data", "experiment", "seed")
_NOT_PART_OF_THE_RESULT = ("runs", "force", "controls", "export", "sweep", "hydra")


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Args:
        folder: of the run.
        written: when its record was written, in seconds of the clock of its disk.
        status: one of `STATUSES`; a run whose process is gone is interrupted.
        error: why it failed, or nothing.
        configuration: what replicates share: the record's hash without the seed; empty in records that have none.
        seed: of the run.
        experiment: its name.
        interdependence: names of the functions; none without a hybrid.
        fusion: its name, as axis, model and postprocess; empty without a hybrid.
        data: name of the data set.
        checksum: of the data and their links; empty before they were read.
        settings: the other words of the command that decide the result, sorted.
        metrics: those that are finite, and NaN for those that are not.
        baseline: metrics of the naive answer.
        parameters: how many are learned; None before the network was built.
        seconds: that the run took; None before it ended.
    """

    folder: Path
    written: float
    status: str
    error: str
    configuration: str
    seed: int
    experiment: str
    interdependence: tuple[str, ...]
    fusion: str
    axis: str
    model: str
    postprocess: str
    data: str
    checksum: str
    settings: tuple[str, ...]
    metrics: Mapping[str, float]
    baseline: Mapping[str, float]
    parameters: int | None
    seconds: float | None

    @property
    def kind(self) -> str:
        """fused, single, identity, or control: a network without interdependence."""
        if not self.interdependence:
            return "control"
        if len(self.interdependence) > 1 or any(map(_has_second, self.settings)):
            return "fused"
        return "identity" if self.interdependence == ("identity",) else "single"

    @property
    def meaning(self) -> tuple[object, ...]:
        """What the record says of its configuration in words."""
        chosen = (self.experiment, self.interdependence, self.fusion, self.axis, self.model, self.postprocess)
        return (*chosen, self.data, self.settings)


def row(record: Any, folder: Path, written: float) -> Row:
    """The row of a record.

    Raises:
        ValueError: if it is no record, in one sentence.
    """
    if not isinstance(record, dict):
        raise ValueError(f"a record must be a JSON object, got {type(record).__name__}")
    facts: dict[str, Any] = record
    data: dict[str, Any] = _of(facts, "data", dict)
    _optional(facts, "meaning", str)
    if facts.get("status") == "done" and not facts.get("metrics"):
        raise ValueError("a run that is done must have metrics")
    return Row(
        folder=folder,
        written=written,
        status=_status(facts),
        error=_optional(facts, "error", str) or "",
        configuration=_optional(facts, "configuration", str) or "",
        seed=_of(facts, "seed", int),
        experiment=_optional(facts, "experiment", str) or "default",
        interdependence=tuple(map(str, _of(facts, "interdependence", list))),
        fusion=_optional(facts, "fusion", str) or "",
        axis=_optional(facts, "axis", str) or "",
        model=_of(facts, "model", str),
        postprocess=_optional(facts, "postprocess", str) or "",
        data=_of(data, "name", str),
        checksum="".join(_optional(data, name, str) or "" for name in ("sha256", "links_sha256")),
        settings=_settings(_optional(facts, "overrides", list) or []),
        metrics=_numbers(facts, "metrics"),
        baseline=_numbers(facts, "baseline"),
        parameters=_optional(facts, "parameters", int),
        seconds=_seconds(facts),
    )


@lru_cache(maxsize=4096)
def key(word: str) -> str:
    """What a word of a command sets: `optimizer.lr` of `+optimizer.lr=0.1`."""
    return word.lstrip("+~").partition("=")[0]


def _status(record: dict[str, Any]) -> str:
    status = _of(record, "status", str)
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {status!r}")
    process: dict[str, Any] = _optional(record, "process", dict) or {}
    if process:
        _of(process, "id", int)
    here = process.get("host") == socket.gethostname() and process.get("id") != os.getpid()
    return "interrupted" if status == "running" and here and not is_running(record) else status


def _has_second(word: str) -> bool:
    """Whether a word gives the hybrid on the other axis functions."""
    return "second.interdependence" in key(word) and not word.endswith("=[]")


def _settings(words: list[Any]) -> tuple[str, ...]:
    return tuple(sorted({word for word in map(str, words) if _decides(word)}))


@lru_cache(maxsize=4096)
def _decides(word: str) -> bool:
    """Whether a word decides the result, and is not stated otherwise."""
    return key(word) not in _STATED and key(word).partition(".")[0] not in _NOT_PART_OF_THE_RESULT


def _numbers(record: dict[str, Any], name: str) -> dict[str, float]:
    found: dict[str, Any] = _optional(record, name, dict) or {}
    for metric, value in found.items():
        if not isinstance(value, (int, float, type(None))) or isinstance(value, bool):
            raise ValueError(f"{name} must be numbers, got {metric} {value!r}")
    return {metric: math.nan if value is None else _float(metric, value) for metric, value in found.items()}


def _seconds(record: dict[str, Any]) -> float | None:
    value = _optional(record, "duration_s", (int, float))
    if value is None:
        return None
    seconds = _float("duration_s", value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"duration_s must be finite and >= 0, got {seconds}")
    return seconds


def _float(name: str, value: float) -> float:
    """A number of JSON, whose whole numbers know no bound."""
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large") from None


def _of(record: dict[str, Any], name: str, kind: type) -> Any:
    if name not in record:
        raise ValueError(f"{name} is missing")
    value = record[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return value


def _optional(record: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = record.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{name} is {value!r}, which it cannot be")
    return value
