"""The command that makes a file of a finished run's network: `python -m hybridfuse.export run=runs/… out=model.pt2`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridfuse import __version__, words
from hybridfuse.command import CommandError

if TYPE_CHECKING:
    from hybridfuse.prediction.finished import FinishedRun

METADATA = "hybridfuse.json"
"""What the file of metadata inside a .pt2 file is called."""
_SETTINGS = {"run": None, "out": "model.pt2"}
_USAGE = """Makes a file of a finished run's network that torch alone can load.

  python -m hybridfuse.export run=runs/default/iris_rpn_… out=model.pt2

  run   the folder of a run that is done
  out   the file, which ends with .pt2 (model.pt2)

To use it, without hybridfuse:

  extra = {"hybridfuse.json": ""}
  network = torch.export.load("model.pt2", extra_files=extra).module()
  known = json.loads(extra["hybridfuse.json"])
  network(x)

x is (rows, m), float32, its columns those of known["features"], prepared as known["preparation"] says: a number less
its mean, divided by its scale (a missing one is its fill first); 1 for a column's known text, 0 for the others. The
answer is the probability of each of known["classes"], (rows, classes); or the number in its own units, (rows,); or of a
series the scaled numbers to come. known["rows"] is null where x may have any number of rows, else how many it has.
Exit codes: 0 done, 1 the network cannot be exported, 2 a wrong command, 130 interrupted."""


def main() -> None:
    """Runs the command and ends the process."""
    sys.exit(words.called(_called, _USAGE))


def export(folder: str, out: str) -> str:
    """Writes the network of a run, and what has to be known to use it; a sentence on what was written.

    Raises:
        CommandError: if the run is not done, or out is no file that can be written.
        ValueError: if the network cannot be exported.
    """
    path = checked(out)
    from hybridfuse.prediction import finished, traced

    run = finished.opened(folder)
    program, rows = traced.program(run)
    traced.save(program, path, {METADATA: json.dumps(metadata(run, rows), indent=1)})
    return f"exported to {path}, for {'any number of' if rows is None else f'batches of {rows}'} rows"


def metadata(run: "FinishedRun", rows: int | None) -> dict[str, Any]:
    """What has to be known to use the network.

    Args:
        run: whose network it is.
        rows: of x; None where there may be any number of them.
    """
    known = run.known
    names = {"task": "task", "target": "target_name", "classes": "classes", "features": "feature_names"}
    scale = {"mean": known["target_mean"], "scale": known["target_scale"]}
    own = {name: known[key] for name, key in names.items()}
    series = {"series": known["series"]} if "series" in known else {}
    return {
        "hybridfuse": __version__,
        **own,
        "rows": rows,
        "preparation": known["preparation"],
        "target_scale": scale,
        **series,
    }


def _called(given: Sequence[str]) -> None:
    settings = words.settings(given, _SETTINGS)
    folder, out = words.needed(settings, "run", "runs/default/<name>"), words.needed(settings, "out", "model.pt2")
    print(export(folder, out))


def after_run(folder: Path, out: str) -> str:
    """`export` of a run: into its folder, where `out` is a name alone, so that each run of a sweep has its own."""
    return export(str(folder), str(folder / out) if Path(out).name == out else out)


def checked(out: str) -> Path:
    """Where a network is exported to.

    Raises:
        CommandError: if that is no .pt2 file, or in a folder that does not exist.
    """
    path = Path(out).expanduser()
    if path.suffix != ".pt2":
        raise CommandError(f"a network is exported to a file that ends with .pt2, got {out}.")
    if path.is_dir() or not path.parent.is_dir():
        raise CommandError(f"a network is exported to a file in a folder that exists, got {out}.")
    return path


if __name__ == "__main__":
    main()
