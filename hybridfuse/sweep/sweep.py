"""A sweep from its plan to its answer. Free of torch, but for what runs the jobs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridfuse import __version__, check
from hybridfuse.claim import LEASE
from hybridfuse.console import say
from hybridfuse.description import Description
from hybridfuse.disk import clear
from hybridfuse.record import write_atomically
from hybridfuse.report.metric import higher_is_better
from hybridfuse.report.row import Row
from hybridfuse.report.show import show
from hybridfuse.sweep.display import Display, span
from hybridfuse.sweep.engine import Ended, Job
from hybridfuse.sweep.launcher_base import EngineLauncher
from hybridfuse.sweep.plan import Plan
from hybridfuse.sweep.search import Search
from hybridfuse.sweep.session import Limits, Listed, Session
from hybridfuse.sweep.settle import is_done, settle
from hybridfuse.sweep.state import State, states
from hybridfuse.sweep.uncollected import uncollected

DONE, FAILED = 0, 1
_PATIENCE = LEASE + 5.0
_TOP = 40
"""Configurations that are shown at the end."""


@dataclass(frozen=True)
class Conduct:
    """What the setting `sweep` says of how jobs run.

    Args:
        dry_run: whether only the table of jobs is shown.
        retry_failed: whether jobs that failed in an earlier session run again.
        metric: by which configurations are compared; None is the usual one of the task.
        limits: of each job.
    """

    dry_run: bool
    retry_failed: bool
    metric: str | None
    limits: Limits

    @classmethod
    def of(cls, sweep: Mapping[str, Any]) -> "Conduct":
        """That of a composed configuration.

        Raises:
            ValueError, TypeError: if a setting makes no sense.
        """
        timeout = None if sweep["timeout"] is None else check.positive("sweep.timeout", sweep["timeout"])
        retries = check.whole("sweep.retries", sweep["retries"], least=0)
        limits = Limits(retries, timeout, check.truth("sweep.fail_fast", sweep["fail_fast"]))
        dry_run = check.truth("sweep.dry_run", sweep["dry_run"])
        if sweep["metric"] is not None:
            higher_is_better(str(sweep["metric"]))
        return cls(dry_run, check.truth("sweep.retry_failed", sweep["retry_failed"]), sweep["metric"], limits)


def sweep(plan: Plan, launcher: EngineLauncher, conduct: Conduct) -> int:
    """Runs what a plan has to do, then shows the answer; 0 if all is done, 1 if something is not.

    Raises:
        CommandError: if there is no engine for it here.
        KeyboardInterrupt: if it was interrupted; what ran has ended, and the same command goes on.
        OSError: if the plan cannot be written.
    """
    found = states(plan.jobs)
    to_do = [number for number, one in enumerate(found) if _is_to_do(plan.jobs[number], one, conduct)]
    if conduct.dry_run:
        _show(plan, found)
    for line in [*_notes(found), _summary(plan, found, to_do, conduct)]:
        say(line)
    if conduct.dry_run:
        return DONE
    plan.folder.mkdir(parents=True, exist_ok=True)
    clear(plan.path)
    write_atomically(plan.path, plan.json())
    ended = _run(plan, to_do, launcher, conduct) if to_do else {}
    folders = [one.folder for number, one in enumerate(found) if number not in ended]
    folders += [plan.jobs[number].folder for number in ended]
    rows = [one.row for number, one in enumerate(found) if number not in ended]
    known = {row.folder: row for row in rows if row is not None}
    answer(plan.folder, folders, conduct.metric, is_new=bool(ended), known=known)
    not_done = {number for number, one in enumerate(found) if one.status != "done" or number in to_do}
    not_done -= {number for number, end in ended.items() if end.outcome == "done"}
    return FAILED if not_done else DONE


def search(source: Search, launcher: EngineLauncher, conduct: Conduct) -> int:
    """Runs a search, then shows the answer; 0 if no job of this session failed or was killed.

    Raises:
        CommandError: if there is no engine for it here.
        KeyboardInterrupt: if it was interrupted; the same command goes on.
    """
    with (
        launcher.open(source.outlook) as engine,
        Display(source.jobs, source.names, len(source.outlook), engine.free, conduct.metric) as display,
    ):
        ended = Session(engine, conduct.limits, settle, is_done, display, _PATIENCE).run(source)
    if source.best is not None:
        say(f"best of the search: {' '.join(source.best)}")
    folder = source.outlook[0].description.folder.parent
    answer(folder, [job.description.folder for job in source.jobs.values()], conduct.metric, is_new=bool(ended))
    return DONE if all(end.outcome in ("done", "pruned") for end in ended.values()) else FAILED


@uncollected()
def answer(
    folder: Path, jobs: Sequence[Path], metric: str | None, is_new: bool, known: Mapping[Path, Row] | None = None
) -> None:
    """Shows what the jobs of a sweep came to, and where that is new, has TensorBoard show it.

    Args:
        folder: of the sweep.
        jobs: their folders.
        metric: by which they are compared; None is the usual one.
        is_new: whether some of them ran just now.
        known: runs whose records have been read already and have not changed since.
    """
    try:
        boards = show(folder, jobs, metric=metric, top=_TOP, known=known)
    except ValueError as error:  # no run has such a metric; they are done all the same
        say(f"note: sweep.{error}")
        boards = show(folder, jobs, top=_TOP, known=known)
    if any(len(board.entries) > _TOP for board in boards):
        say(f"all of it: python -m hybridfuse.summary {folder}")
    if boards and is_new:
        from hybridfuse.report.hparams import write_hparams  # slow to load

        try:
            write_hparams(folder)
        except OSError as error:
            say(f"note: TensorBoard has no summary of the sweep: {error.strerror or error}")


def _is_to_do(job: Description, found: State, conduct: Conduct) -> bool:
    if job.force:
        return True
    return found.status not in ("done", "pruned") and (found.status != "failed" or conduct.retry_failed)


def _run(plan: Plan, to_do: Sequence[int], launcher: EngineLauncher, conduct: Conduct) -> Mapping[int, Ended]:
    jobs = {number: Job(number, plan.jobs[number]) for number in to_do}
    names = dict(enumerate(names_of(plan)))
    with (
        launcher.open(list(jobs.values())) as engine,
        Display(jobs, names, len(jobs), engine.free, conduct.metric) as display,
    ):
        session = Session(engine, conduct.limits, settle, is_done, display, _PATIENCE)
        return session.run(Listed(jobs.values()))


def names_of(plan: Plan) -> list[str]:
    """What the jobs of a plan are called: the words that not all of them share."""
    counts = Counter(word for job in plan.jobs for word in set(job.overrides))
    differing = [[word for word in job.overrides if counts[word] < len(plan.jobs)] for job in plan.jobs]
    return [" ".join(words) or _name(job, len(plan.jobs)) for job, words in zip(plan.jobs, differing, strict=True)]


def _name(job: Description, count: int) -> str:
    """What a job is called that no word tells from others: by its functions, where there are others."""
    functions = job.facts["interdependence"]
    return f"interdependence=[{','.join(functions)}]" if functions and count > 1 else job.folder.name


def _notes(found: Sequence[State]) -> Iterator[str]:
    """What is odd about earlier records."""
    for one in found:
        if one.status == "broken":
            yield f"note: {one.folder / 'record.json'} cannot be read; that job runs again"
    others = Counter(one.version for one in found if one.status == "done" and one.version not in (None, __version__))
    for version, count in others.items():
        done, again = ("1 job was", "it") if count == 1 else (f"{count} jobs were", "them")
        yield f"note: {done} done by hybridfuse {version}, this is {__version__}; force=true runs {again} again"


def _summary(plan: Plan, found: Sequence[State], to_do: Sequence[int], conduct: Conduct) -> str:
    counts = Counter(one.status for one in found)
    said = [f"{count} {status}" for status, count in counts.items()]
    said += [f"{len(plan.merged)} more equal to one of them"] if plan.merged else []
    durations = sorted(one.duration for one in found if one.duration is not None)
    if durations and to_do:
        said.append(f"{len(to_do)} to run, about {span(len(to_do) * durations[len(durations) // 2])} one after another")
    left = counts["failed"] and not conduct.retry_failed
    end = "; sweep.retry_failed=true runs the failed ones again" if left else ""
    return f"{len(plan.jobs)} job{'s' * (len(plan.jobs) != 1)} in {plan.folder}: {', '.join(said)}{end}"


def _show(plan: Plan, found: Sequence[State]) -> None:
    """The table of jobs, a line each."""
    lines = [f"{one.status:<12} {name}" for one, name in zip(found, names_of(plan), strict=True)]
    lines += [f"{'equal':<12} {' '.join(one.words)} to {' '.join(one.into)}: {one.reason}" for one in plan.merged]
    say("\n".join(lines))
