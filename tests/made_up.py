"""Made-up records of runs, as the program writes them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybridfuse.report.row import Row, row


def record(
    accuracy: float | None = 0.9,
    functions: Sequence[str] = ("chain", "gaussian_rbf"),
    fusion: str = "mean",
    seed: int = 0,
    settings: Sequence[str] = (),
    **changes: Any,
) -> dict[str, Any]:
    """The record of a finished classification."""
    told = f"{functions} {fusion} {sorted(settings)}"
    related = bool(functions)
    return {
        "status": "done",
        "metrics": {
            "train/accuracy": 1.0,
            "val/loss": 0.5,
            "val/accuracy": accuracy,
            "test/loss": 0.6,
            "test/accuracy": None if accuracy is None else accuracy - 0.1,
            "test/f1": None if accuracy is None else accuracy - 0.2,
        },
        "error": None,
        "experiment": "default",
        "seed": seed,
        "interdependence": list(functions),
        "fusion": fusion if related else None,
        "axis": "attribute" if related else None,
        "model": "rpn" if related else "mlp",
        "postprocess": "none" if related else None,
        "data": {"name": "digits", "rows": 1797, "sha256": "ab" * 32},
        "overrides": [f"fusion={fusion}", f"seed={seed}", "runs=somewhere", "sweep.seeds=5", *settings],
        "config_hash": "00" * 32,
        "configuration": hashlib.sha256(told.encode()).hexdigest(),
        "parameters": 100 * (1 + len(functions)),
        "duration_s": 2.0 + seed,
        "baseline": {"test/accuracy": 0.1, "test/f1": 0.02},
        **changes,
    }


def rows(*records: dict[str, Any]) -> list[Row]:
    """As if they had been read, one after the other."""
    return [row(one, Path(f"runs/made/{place:04}"), float(place)) for place, one in enumerate(records)]


def write(folder: Path, *records: dict[str, Any]) -> list[Path]:
    """Folders of runs with these records."""
    jobs = [folder / f"run{place:04}-0123456789" for place in range(len(records))]
    for job, one in zip(jobs, records, strict=True):
        job.mkdir(parents=True)
        (job / "record.json").write_text(json.dumps(one))
    return jobs
