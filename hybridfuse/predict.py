"""The command that predicts with a finished run: `python -m hybridfuse.predict run=runs/… data.path=new.csv`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from hybridfuse import words
from hybridfuse.command import CommandError

_SETTINGS = {"run": None, "data.path": None, "data.links": None, "out": "predictions.csv", "keep": None}
_USAGE = """Predicts with a finished run.

  python -m hybridfuse.predict run=runs/default/iris_rpn_… data.path=new.csv
  python -m hybridfuse.predict run=runs/… data.path=new.csv out=predictions.csv keep=[id]
  python -m hybridfuse.predict run=runs/… data.path=nodes.csv data.links=edges.csv      a graph

  run         the folder of a run that is done
  data.path   rows to predict, a CSV or a Parquet file; of a run on a series, a series that ends now
  data.links  of a run on a graph: the links of the nodes
  out         where predictions go, a CSV file (predictions.csv)
  keep        columns that are copied beside the predictions, a list ([])

Columns are found by their names, in any order; others, and the target, may be there or not. Rows are prepared by what
the training rows showed: a missing number is their mean, a missing text the most frequent one, and a text that they
had not is taken as none. Rows of classes get `class` and `probability_<class>`, others `value`, in the units of the
training data; of a series the next times are forecast, a column for each channel. Files may be of any length.
Where functions relate the rows of a batch (reference=batch, axis=instance), batches are as large as in training.
Exit codes: 0 done, 1 the file cannot be predicted, 2 a wrong command, 130 interrupted."""


def main() -> None:
    """Runs the command and ends the process."""
    sys.exit(words.called(predict, _USAGE))


def predict(given: Sequence[str]) -> None:
    """Predicts as words say.

    Raises:
        CommandError: if a word is wrong, or the run cannot predict.
        ValueError, OSError: if the file does not fit the run.
    """
    settings = words.settings(given, _SETTINGS)
    folder = words.needed(settings, "run", "runs/default/<name>")
    path = words.needed(settings, "data.path", "new.csv")
    keep, out = words.listed("keep", settings["keep"]), words.needed(settings, "out", "predictions.csv")
    from hybridfuse.prediction import finished, series, source, table, written

    rows = source.of_file("data.path", path)
    run, target = finished.opened(folder), written.checked(out, [rows.path])
    if "series" in run.known:
        _refuse(keep, "keep", "a series")
        _refuse(settings["data.links"], "data.links", "a series")
        count = series.predict(run, rows, target)
    elif "graph" in run.known:
        from hybridfuse.prediction import graph

        links = Path(words.needed(settings, "data.links", "edges.csv")).expanduser()
        count = graph.predict(run, rows, links, written.checked(out, [links]), keep)
    else:
        _refuse(settings["data.links"], "data.links", "a table")
        count = table.predict(run, rows, target, keep)
    print(f"{count} row{'s' * (count != 1)} predicted in {target}")


def _refuse(value: object, key: str, what: str) -> None:
    if value:
        raise CommandError(f"{key} must be left out for {what}.")


if __name__ == "__main__":
    main()
