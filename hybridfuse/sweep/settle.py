"""The records of jobs that could not write them to the end. Free of torch."""

from contextlib import suppress
from typing import Any, NamedTuple

from hybridfuse.claim import ClaimedError, claimed
from hybridfuse.record import Record
from hybridfuse.report.metric import deciding
from hybridfuse.sweep.engine import Ended, Job
from hybridfuse.sweep.output import keep


def settle(job: Job, ended: Ended) -> None:
    """Has a job's record say how it ended, where it does not itself: it was killed, or could not even begin.

    Where another process is at the run by now the record is left to it; where nothing can be written, it stays as it
    is, and the job counts as interrupted.
    """
    if ended.outcome == "done":
        return
    record = Record(job.description)
    with suppress(ClaimedError, OSError), claimed(record.folder):
        earlier = record.earlier()
        if earlier is None:
            record.start()
            record.finish(ended.outcome, ended.sentence)
        elif _unsaid(earlier, ended):
            record.amend(earlier | {"status": ended.outcome, "error": earlier.get("error") or ended.sentence})
        keep(record.folder)


def is_done(job: Job) -> bool:
    """Whether the record of a job says so."""
    return (Record(job.description).earlier() or {}).get("status") == "done"


class Result(NamedTuple):
    """What a job that is done came to.

    Args:
        metric: by which it is compared; empty if there is none.
        value: of the metric.
        seconds: that it took.
    """

    metric: str
    value: float
    seconds: float


def result(job: Job, metric: str | None) -> Result:
    """The result in a job's record, by its task's usual metric if none is given."""
    record = Record(job.description).earlier() or {}
    metrics = record.get("metrics") or {}
    name = metric if metric and metric in metrics else deciding(metrics)
    seconds = float(record.get("duration_s") or 0.0)
    return Result(name, metrics[name], seconds) if metrics.get(name) is not None else Result("", 0.0, seconds)


def _unsaid(earlier: dict[str, Any], ended: Ended) -> bool:
    """Whether a record says less than what is known: it is running, or interrupted by the sweep, which knows why."""
    status = earlier.get("status")
    by_sweep = ended.outcome in ("failed", "pruned") or not earlier.get("error")
    return status == "running" or (status == "interrupted" and by_sweep)
