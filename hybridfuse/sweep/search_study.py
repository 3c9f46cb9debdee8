"""The trials of a search, as Optuna proposes them, in a file of the sweep's folder. Free of torch."""

import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from hybridfuse.command import CommandError
from hybridfuse.sweep.search_journal import FILE, opened
from hybridfuse.sweep.search_ranges import Ranges, Values
from hybridfuse.sweep.search_trial import Standing

_NAME = "search"
_FEWEST = 5
"""Trials at the same step that another one is compared with at least."""
_ASKED, _MEANING, _AGAIN = "asked", "meaning", "again"


class Study:
    """Trials by number, of which the largest value is the best; those of an earlier session are there already.

    What is proposed follows from the seed, the number of the trial and the trials before it, so that a search which was
    interrupted goes on as it would have.

    Args:
        folder: of the sweep.
        ranges: what trials choose from.
        asked: what is searched, by name; values of two searches that differ here are not compared.
        seed: of what is proposed.

    Raises:
        CommandError: if the folder holds another search, or a file that cannot be read as one.
        OSError: if nothing can be written there.
    """

    def __init__(self, folder: Path, ranges: Ranges, asked: Mapping[str, str], seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._seed, self._distributions = seed, ranges.distributions
        self._storage = opened(folder / FILE)
        self._study = self._made()
        if self._asked != asked and not any(_is_told(trial) for trial in self._trials):
            optuna.delete_study(study_name=_NAME, storage=self._storage)  # another search, of which nothing is known
            self._study = self._made()
            self._study.set_user_attr(_ASKED, dict(asked))
        self._check(folder / FILE, asked)

    @property
    def running(self) -> list[int]:
        """Trials that have begun, here or in another process, and are not over."""
        return [trial.number for trial in self._trials if trial.state == TrialState.RUNNING]

    @property
    def count(self) -> int:
        """All trials, but those that were run again since."""
        return sum(1 for _ in self._valid())

    @property
    def best(self) -> Values | None:
        """What the best trial has chosen; None if none is done."""
        done = any(trial.state == TrialState.COMPLETE for trial in self._trials)
        return self._study.best_trial.params if done else None

    def proposed(self) -> Values:
        """What the next trial may choose best, as far as is known."""
        # Optuna chooses values one by one: in a copy, so that no trial is left with half of them.
        copy = optuna.create_study(direction="maximize", sampler=self._sampler())
        copy.add_trials(self._trials)
        return copy.ask(self._distributions).params

    def random(self) -> Random:
        """Chance for the next trial."""
        return Random(f"{self._seed}-{len(self._trials)}")

    def has(self, meaning: str) -> bool:
        """Whether a trial means the same."""
        return any(trial.user_attrs.get(_MEANING) == meaning for trial in self._valid())

    def begin(self, values: Values, meaning: str, again: int | None = None) -> int:
        """Adds a trial; its number.

        Args:
            values: what it chooses.
            meaning: the same for all trials that would run the same.
            again: the trial that failed and is run again by this one.
        """
        facts: dict[str, Any] = {_MEANING: meaning} | ({} if again is None else {_AGAIN: again})
        trial = create_trial(
            state=TrialState.RUNNING, params=dict(values), distributions=self._distributions, user_attrs=facts
        )
        return self._storage.get_trial(self._storage.create_new_trial(self._id, trial)).number

    def begin_failed(self) -> None:
        """Adds each trial that failed once more."""
        for trial in list(self._valid()):
            if trial.state == TrialState.FAIL:
                self.begin(trial.params, str(trial.user_attrs.get(_MEANING)), trial.number)

    def values(self, number: int) -> Values:
        """What a trial has chosen."""
        return self._trials[number].params

    def tell(self, number: int, value: float | None) -> None:
        """Ends a trial with its value; None: it failed."""
        is_value = value is not None and math.isfinite(value)
        state = TrialState.COMPLETE if is_value else TrialState.FAIL
        self._study.tell(number, value if is_value else None, state=state, skip_if_finished=True)

    def tell_pruned(self, number: int) -> None:
        """Ends a trial that is given up."""
        self._study.tell(number, state=TrialState.PRUNED, skip_if_finished=True)

    def is_worth(self, number: int, standing: Standing) -> bool:
        """Whether a trial is no worse than half of those that are done were at the same step, or these are few."""
        identity = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
        try:
            self._storage.set_trial_intermediate_value(identity, standing.step, standing.value)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False  # another process has ended it
        done = [trial.intermediate_values for trial in self._trials if trial.state == TrialState.COMPLETE]
        others = [value for values in done if not math.isnan(value := values.get(standing.step, math.nan))]
        if len(others) < _FEWEST:
            return True
        return standing.value >= median(others)

    @property
    def _id(self) -> int:
        return self._storage.get_study_id_from_name(_NAME)

    @property
    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _valid(self) -> Iterator[FrozenTrial]:
        again = {trial.user_attrs.get(_AGAIN) for trial in self._trials}
        return (trial for trial in self._trials if trial.number not in again)

    def _made(self) -> optuna.Study:
        return optuna.create_study(storage=self._storage, study_name=_NAME, direction="maximize", load_if_exists=True)

    def _sampler(self) -> optuna.samplers.BaseSampler:
        seed = self.random().getrandbits(32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)

    @property
    def _asked(self) -> dict[str, str]:
        found: Any = self._study.user_attrs.get(_ASKED)
        return found if isinstance(found, dict) else {}

    def _check(self, file: Path, asked: Mapping[str, str]) -> None:
        remedy = "the words that began it go on with it, another sweep.name begins anew."
        for name, now in asked.items():
            if (before := self._asked.get(name)) != now:
                raise CommandError(f"{file} holds a search where {name} is {before}, not {now}: {remedy}")
        if any(trial.distributions != self._distributions for trial in self._trials):
            raise CommandError(f"{file} holds trials of another search: {remedy}")


def _is_told(trial: FrozenTrial) -> bool:
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
