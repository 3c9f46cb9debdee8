"""Readable names of configurations: what they differ in. Free of torch."""

from collections import Counter
from collections.abc import Sequence

from hybridfuse.report.row import Row

_CHOICES = ("axis", "postprocess", "experiment")


def labels(groups: Sequence[Sequence[Row]], unfinished: Sequence[Row] = ()) -> list[str]:
    """A name for each configuration, which no other has.

    Functions are always named, the fusion of several, and what else the configurations differ in.

    Args:
        groups: the runs of each configuration.
        unfinished: other runs, which have no name, but from which configurations differ as well.
    """
    rows = [group[0] for group in groups]
    around = list(zip(_functions(rows), _differing(groups, unfinished), strict=True))
    alike = Counter(around)
    names = [
        " ".join(filter(None, (functions, "" if _needs_no_fusion(row, alike[functions, rest]) else row.fusion, rest)))
        for row, (functions, rest) in zip(rows, around, strict=True)
    ]
    counts = Counter(names)
    told_apart = zip(names, rows, strict=True)
    return [name if counts[name] == 1 else f"{name} #{row.configuration[:8]}" for name, row in told_apart]


def _needs_no_fusion(row: Row, alike: int) -> bool:
    """A single function is the same under most fusions, and then runs under one alone."""
    return row.kind in ("single", "identity") and alike == 1


def _functions(rows: Sequence[Row]) -> list[str]:
    """The functions, or the network without any; the network as well where several have some."""
    several = len({row.model for row in rows if row.interdependence}) > 1
    found = [("+".join(row.interdependence), row.model) for row in rows]
    return [f"{model} {functions}" if several and functions else functions or model for functions, model in found]


def settings(rows: Sequence[Row]) -> list[str]:
    """Of each run the settings that not all of them state."""
    counts = Counter(word for row in rows for word in row.settings)
    return [" ".join(word.lstrip("+") for word in row.settings if counts[word] < len(rows)) for row in rows]


def _differing(groups: Sequence[Sequence[Row]], unfinished: Sequence[Row]) -> list[str]:
    """The other choices in which configurations differ, and settings that not all have.

    A setting that only some runs of a configuration state means nothing beside the configuration's hash.
    """
    rows = [group[0] for group in groups]
    choices = [name for name in _CHOICES if len({getattr(row, name) for row in rows} - {""}) > 1]
    stated = [set[str].intersection(*(set(row.settings) for row in group)) for group in groups]
    counts = Counter(word for words in [*stated, *(row.settings for row in unfinished)] for word in words)
    several = len(groups) + len(unfinished)
    return [
        " ".join(
            [f"{name}={getattr(row, name)}" for name in choices if getattr(row, name)]
            + sorted(word.lstrip("+") for word in words if counts[word] < several)
        )
        for row, words in zip(rows, stated, strict=True)
    ]
