"""Which runs answer the same question: of the same data, about the same target. Free of torch."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from hybridfuse.report.metric import deciding
from hybridfuse.report.row import Row, key

_DRAWN_BY_SEED = ("planted", "planted_instances")
"""Data sets that are others with each seed; their checksums say nothing of two seeds."""

_TARGET = ("target", "targets", "task", "horizon")
_ROWS = ("train", "validation", "test", "split", "folds", "fold", "train_per_class", "validation_per_class", "seed")
_DRAWN = ("rows", "attributes", "strength")
_CHANGE_THE_QUESTION = tuple(f"data.{name}" for name in (*_TARGET, *_ROWS, *_DRAWN))


class Question(NamedTuple):
    """What makes numbers of two runs comparable."""

    data: str
    words: tuple[str, ...]
    checksum: str
    metric: str


def by_question(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The runs that can be compared with each other, by a readable name of their data, in its order."""
    found: dict[Question, list[Row]] = {}
    for row in rows:
        found.setdefault(_question(row), []).append(row)
    counts = Counter(_title(question) for question in found)
    titles = {one: _title(one) if counts[_title(one)] == 1 else _full_title(one) for one in found}
    return {titles[question]: found[question] for question in sorted(found, key=lambda one: (titles[one], one))}


def _question(row: Row) -> Question:
    words = (word.lstrip("+") for word in row.settings)
    asked = tuple(word for word in words if key(word) in _CHANGE_THE_QUESTION or word.startswith("data/"))
    checksum = "" if row.data in _DRAWN_BY_SEED else row.checksum
    return Question(row.data, asked, checksum, deciding(row.metrics))


def _title(question: Question) -> str:
    return " ".join([question.data, *question.words])


def _full_title(question: Question) -> str:
    """With what tells apart data sets of one name: the beginning of their checksum, and what is measured."""
    return f"{_title(question)} ({question.checksum[:8]}, {question.metric or 'without validation'})"
