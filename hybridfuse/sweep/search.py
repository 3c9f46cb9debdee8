"""Jobs that a search finds one after another, by the results so far. Free of torch, until it begins of Optuna."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.description import Description
from hybridfuse.record import Record
from hybridfuse.report.metric import chosen
from hybridfuse.sweep.engine import Ended, Event, Job, Progressed
from hybridfuse.sweep.search_question import Question
from hybridfuse.sweep.search_ranges import Values
from hybridfuse.sweep.search_trial import Replicates
from hybridfuse.sweep.session import Source

if TYPE_CHECKING:
    from hybridfuse.sweep.search_study import Study

_DRAWS = 1000
"""How often chance may meet what is known before all is."""


class Search(Source):
    """Trials of different meanings, each with all seeds; one that stands worse than half of the others is pruned.

    Args:
        question: what is searched.
        trials: how many are run at most, those of earlier sessions included.
        folder: of the sweep, where the search is kept.
        describe: the job that words ask for; CommandError if they ask for none.
        seed: of what is proposed.
        retry_failed: whether trials that failed in an earlier session are run again.

    Raises:
        CommandError: if Optuna is not installed, `trials` is no number of trials, words ask for nothing, or the folder
            holds another search.
        OSError: if nothing can be written there.
    """

    def __init__(
        self,
        question: Question,
        trials: int,
        folder: Path,
        describe: Callable[[list[str]], Description],
        seed: int = 0,
        retry_failed: bool = False,
    ) -> None:
        self._question, self._describe = question, describe
        self._ranges, self._fixed, self._replicates = question.ranges, question.fixed, question.replicates
        self._trials = _whole("sweep.trials", trials)
        examples = [self._described(words)[0] for words in self._ranges.examples()]
        self.outlook = [Job(number, examples[0]) for number in range(self._trials * len(self._replicates))]
        """Jobs such as these there will be, and no more."""
        self._study = _study(folder, question, seed)
        if retry_failed:
            self._study.begin_failed()
        self._begun = deque(self._study.running)
        self._open: dict[int, Replicates] = {}
        self._pruned: set[int] = set()
        self._is_exhausted = False
        self.jobs: dict[int, Job] = {}
        """Those that have been handed out, or are to be next."""
        self.names: dict[int, str] = {}
        """What they are called: the words that not all of them share."""

    @property
    def best(self) -> list[str] | None:
        """What the best trial has chosen, in words; None if none is done."""
        values = self._study.best
        return None if values is None else self._ranges.words(values)

    def next(self) -> Job | None:
        """The next job of a trial that has begun, or else of a new one."""
        while True:
            for replicates in self._open.values():
                if (job := replicates.next()) is not None:
                    return job
            number = self._begun.popleft() if self._begun else self._new()
            if number is None:
                return None
            self._take_up(number)

    def heard(self, event: Event) -> bool:
        """Takes in what happened; False if the job's trial is pruned."""
        number = event.number // len(self._replicates)
        replicates = self._open.get(number)
        if isinstance(event, Progressed) and replicates is not None:
            self._progressed(number, replicates, event)
        elif isinstance(event, Ended) and replicates is not None:
            self._ended(number, replicates, event)
        return number not in self._pruned

    def _new(self) -> int | None:
        """A trial of what is proposed, or where that was tried before, of what chance finds; None if all is tried."""
        if self._is_exhausted or self._study.count >= self._trials:
            return None
        found = self._untried(self._study.proposed()) or self._by_chance()
        self._is_exhausted = found is None
        return None if found is None else self._study.begin(*found)

    def _by_chance(self) -> tuple[Values, str] | None:
        random = self._study.random()
        seen = set[tuple[str, ...]]()
        for _ in range(_DRAWS):
            values = self._ranges.drawn(random)
            words = tuple(self._ranges.words(values))
            if words not in seen and (found := self._untried(values)) is not None:
                return found
            seen.add(words)
        return None

    def _untried(self, values: Values) -> tuple[Values, str] | None:
        """Values and their meaning, if that is new; None as well where nothing can be composed of them."""
        try:
            meaning = self._described(self._ranges.words(values))[0].meaning
        except CommandError:
            return None
        return None if self._study.has(meaning) else (values, meaning)

    def _described(self, words: Sequence[str]) -> list[Description]:
        return [self._describe([*self._fixed, *words, *replicate]) for replicate in self._replicates]

    def _take_up(self, number: int) -> None:
        words, first = self._ranges.words(self._study.values(number)), number * len(self._replicates)
        jobs = [Job(first + place, description) for place, description in enumerate(self._described(words))]
        self.jobs |= {job.number: job for job in jobs}
        for job, replicate in zip(jobs, self._replicates, strict=True):
            self.names[job.number] = " ".join([*words, *replicate])
        self._open[number] = Replicates(jobs)

    def _progressed(self, number: int, replicates: Replicates, event: Progressed) -> None:
        value = self._question.value(event.metrics)
        standing = None if value is None else replicates.progressed(event, value)
        if standing is not None and not self._study.is_worth(number, standing):
            self._study.tell_pruned(number)
            self._pruned.add(number)
            del self._open[number]

    def _ended(self, number: int, replicates: Replicates, event: Ended) -> None:
        if event.outcome == "interrupted":  # stays begun, for the next session
            del self._open[number]
            return
        value = self._result(event.number) if event.outcome == "done" else None
        mean = None if value is None else replicates.done(event.number, value)
        if value is None or mean is not None:
            self._study.tell(number, mean)
            del self._open[number]

    def _result(self, number: int) -> float | None:
        """What a job's record is worth.

        Raises:
            CommandError: if it has no such metric.
        """
        metrics = (Record(self.jobs[number].description).earlier() or {}).get("metrics")
        if not metrics:
            return None
        try:
            chosen(self._question.metric, metrics)
        except ValueError as error:
            raise CommandError(f"sweep.{error}") from error
        return self._question.value(metrics)


def _study(folder: Path, question: Question, seed: int) -> "Study":
    try:
        from hybridfuse.sweep.search_study import Study
    except ImportError as error:
        raise CommandError('sweep.search=optuna needs more: pip install "hybridfuse[optuna]".') from error
    return Study(folder, question.ranges, question.facts, seed)


def _whole(name: str, value: object) -> int:
    try:
        return check.whole(name, value)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from error
