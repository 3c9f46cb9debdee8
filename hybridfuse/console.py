"""What a run says: where it is, what came out. Free of torch."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from hybridfuse import __version__
from hybridfuse.record import Record
from hybridfuse.reporter import Reporter

if TYPE_CHECKING:
    import pytorch_lightning as pl


def say(line: str) -> None:
    """A line, never wrapped."""
    print(line, flush=True)


class ConsoleReporter(Reporter):
    """Prints what happens."""

    def begun(self, record: Record, data: Any) -> None:
        facts = record.fields
        forecast = f"{data.outputs} numbers to forecast" if data.task == "forecast" else "a numeric target"
        kinds = f"{len(data.classes)} classes" if data.classes else forecast
        say(f"hybridfuse {__version__}")
        parts = ", ".join(f"{len(rows)} {name}" for name, rows in data.splits._asdict().items())
        of = "in windows: " if data.task == "forecast" else ""
        say(f"  data             {data.name}: {data.rows} rows ({of}{parts}), {data.m} attributes, {kinds}")
        if data.task_note:
            say(f"                   {data.task_note}")
        if facts["interdependence"]:
            say(f"  interdependence  {', '.join(facts['interdependence'])} ({facts['axis']})")
            say(f"  fusion           {facts['fusion']}")
        if facts["second_interdependence"]:
            say(f"  second hybrid    {', '.join(facts['second_interdependence'])}, fused by {facts['second_fusion']}")
        say(f"  model            {facts['model']}, {facts['parameters']:,} parameters")
        say(f"  device           {facts['device']}, precision {facts['precision']}")
        say(f"  folder           {record.folder}")

    def results(self, record: Record) -> None:
        metrics, baseline = record.fields["metrics"], record.fields["baseline"]
        last, best = record.fields["epochs"], record.fields["best_epoch"]
        took = f"done in {record.fields['duration_s']:.1f} s: {last} epochs"
        say(f"{took}; validation and test are of the best, epoch {best}")
        table = Table()
        for heading in ("metric", "train", "validation", "test", "naive (test)"):
            table.add_column(heading, justify="left" if heading == "metric" else "right")
        for name in dict.fromkeys(key.partition("/")[2] for key in metrics if key.startswith("test/")):
            splits = (metrics.get(f"{split}/{name}") for split in ("train", "val", "test"))
            table.add_row(name, *map(_number, (*splits, baseline.get(f"test/{name}"))))
        Console().print(table)
        _where(record)

    def already_done(self, record: Record, earlier: Mapping[str, Any]) -> None:
        tested = {name: value for name, value in earlier["metrics"].items() if name.startswith("test/")}
        shown = ", ".join(f"{name} {value:.4f}" for name, value in tested.items() if name != "test/loss")
        say(f"already done, {shown}; rerun with force=true")
        _where(record)

    def exported(self, sentence: str) -> None:
        say(sentence)

    def interrupted(self, record: Record) -> None:
        say(f"interrupted; the best checkpoint so far is kept in {record.folder / 'checkpoints'}")

    def failed(self, record: Record, sentence: str) -> None:
        print(f"failed: {sentence}", file=sys.stderr)
        print(f"record: {record.path}", file=sys.stderr)

    def again(self, earlier: Mapping[str, Any]) -> None:
        say(f"an earlier attempt is {earlier.get('status')} in its record; starting again")

    def callbacks(self, config: Mapping[str, Any]) -> "list[pl.Callback]":
        from hybridfuse.instantiate import instantiate

        return [instantiate(config["progress"])] if config.get("progress") else []


def _where(record: Record) -> None:
    say(f"record       {record.path}")
    if any(record.folder.glob("events.out.*")):
        say(f"look at it   tensorboard --logdir {record.folder.parents[1]}")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
