"""From the words of a command to a search. Free of torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from hybridfuse import check
from hybridfuse.command import CommandError
from hybridfuse.description import Description
from hybridfuse.sweep.composition import Composed, Composer
from hybridfuse.sweep.search import Search
from hybridfuse.sweep.search_question import Question
from hybridfuse.sweep.settings import settings

_OF_PLANS = ("from", "sizes", "jobs", "paired", "only_if", "exclude", "dry_run")


def is_search(probe: Composed) -> bool:
    """Whether a configuration asks for a search, rather than for a plan.

    Raises:
        CommandError: if it asks for one of an unknown kind.
    """
    kind = probe.tree["sweep"]["search"]
    try:
        return kind is not None and bool(check.choice("sweep.search", kind, ["optuna"]))
    except ValueError as error:
        raise CommandError(str(error)) from error


def searched(composer: Composer, words: Sequence[str], probe: Composed, metric: str | None, again: bool) -> Search:
    """The search that a command asks for.

    Args:
        composer: of its configurations.
        words: of its jobs.
        probe: a configuration that says what the sweep is.
        metric: by which configurations are compared.
        again: whether trials that failed in an earlier session are run again.

    Raises:
        CommandError: if there is nothing to search, or a setting goes with plans only.
    """
    _refuse_settings_of_plans(probe.tree)
    chosen = settings(probe.tree)
    question = Question(words, composer.directories, chosen.seeds, metric)

    def described(words: list[str]) -> Description:
        return composer.draft(words, chosen.name).description()

    folder = described([*question.fixed, *next(iter(question.ranges.examples()))]).folder.parent
    return Search(question, probe.tree["sweep"]["trials"], folder, described, retry_failed=again)


def _refuse_settings_of_plans(tree: Mapping[str, Any]) -> None:
    given = [f"sweep.{name}" for name in _OF_PLANS if tree["sweep"][name]] + ["controls"] * bool(tree["controls"])
    if given:
        raise CommandError(f"{given[0]} must not be set with sweep.search=optuna, which decides what runs.")
