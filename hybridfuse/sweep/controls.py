"""What fused functions are compared with. Free of torch."""

from collections.abc import Sequence

from hybridfuse.sweep.in_use import function_of
from hybridfuse.sweep.words import Words, key, parsed

_ADDED = "+interdependence@interdependence."


def controls(words: Words, functions: Sequence[str]) -> list[Words]:
    """The words of runs beside one of several functions: each of them alone, with its settings, and the identity.

    A single function is not fused, so that the fusion of these is the default one, a sum.

    Args:
        words: of the run.
        functions: their names in its configuration.
    """
    if len(functions) < 2:
        return []
    common = [word for word in words if not _is_of_relation(word)]
    own = {name: [word for word in words if name in (function_of(word), _added(word))] for name in functions}
    alone = [(*common, *_chosen(name, own[name]), "fusion=sum") for name in functions]
    return [*alone, (*common, "interdependence=[identity]", "fusion=sum")]


def _is_of_relation(word: str) -> bool:
    """Whether a word chooses functions or their fusion, or sets something of them."""
    override = parsed(word)
    group = override.key_or_group.partition(".")[0]
    return group in ("interdependence", "fusion") and (override.package is None or _added(word) is not None)


def _added(word: str) -> str | None:
    """The name of a function that a word adds under one of its own."""
    return key(word).removeprefix(_ADDED) if key(word).startswith(_ADDED) else None


def _chosen(name: str, words: Sequence[str]) -> list[str]:
    """The words by which a function is the only one."""
    added = any(_added(word) == name for word in words)
    return ["interdependence=[]" if added else f"interdependence=[{name}]", *words]
