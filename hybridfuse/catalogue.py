"""The catalogue of all interdependence functions and fusions: `python -m hybridfuse.catalogue > catalogue.md`."""

import inspect
import re
from collections.abc import Sequence
from typing import NamedTuple

import hybridfuse.fusion
import hybridfuse.interdependence
from hybridfuse.discovery import concrete_classes
from hybridfuse.fusion.base import Fusion
from hybridfuse.fusion.stacking_base import StackingBase
from hybridfuse.interdependence.base import Interdependence

_FUNCTIONS = """# Interdependence functions

Each relates n items with d features and gives A (n, p). On the attribute axis items are the m attributes, and their
features the b rows of a batch; on the instance axis the other way round. In costs, z are the links of a graph.

Formulas and parameters follow below the table. *Data*: whether A depends on x. *Learns*: whether it has learnable
parameters by default, or on request. *Gradient*: whether one reaches x through A. *Streams*: whether A can be computed
from the whole training split batch by batch (`reference=train`).
"""
_FUNCTION_COLUMNS = ("function", "range", "data", "learns", "gradient", "sparse", "streams", "cost")
_FUSIONS = """
# Fusions

Each makes one matrix A of k matrices A_1 … A_k. *Any order*: whether it gives the same for any order of them. *Sparse*:
which of them must be sparse for A to be. *Applied*: how a hybrid applies A where nothing else is done to it.
"""
_FUSION_COLUMNS = ("fusion", "learns", "any order", "sparse", "applied")


class Entry(NamedTuple):
    """What a class says of itself."""

    name: str
    summary: str
    formula: str
    domain: str
    parameters: dict[str, str]
    facts: tuple[str, ...]


def entry(name: str, cls: type[Interdependence] | type[Fusion]) -> Entry:
    """Read from the docstring, the signature and the class attributes."""
    text = inspect.cleandoc(cls.__doc__ or "")
    summary, formula, rest = re.split(r"\n*\$\$\s*", text)
    domain = re.split(r"^(?:Args|Raises|References):", rest, maxsplit=1, flags=re.MULTILINE)[0]
    common = 3 if issubclass(cls, Interdependence) else 1
    given = list(inspect.signature(cls).parameters.values())[common:]
    described = _described(cls)
    parameters = {f"{one.name} = {_plain(one.default)}": described.get(one.name, "") for one in given}
    domain = " ".join(domain.split())
    facts = _function_facts(cls, domain) if issubclass(cls, Interdependence) else _fusion_facts(cls, domain)
    return Entry(name, " ".join(summary.split()), formula.strip(), domain, parameters, facts)


def page() -> str:
    """The whole catalogue."""
    functions = concrete_classes(hybridfuse.interdependence, Interdependence)
    fusions = concrete_classes(hybridfuse.fusion, Fusion)
    return "\n".join(
        [
            *_chapter(_FUNCTIONS, _FUNCTION_COLUMNS, "", [entry(*found) for found in functions.items()]),
            *_chapter(_FUSIONS, _FUSION_COLUMNS, "fusion ", [entry(*found) for found in fusions.items()]),
        ]
    )


def _chapter(head: str, columns: Sequence[str], kind: str, entries: Sequence[Entry]) -> list[str]:
    """A table, then a section of each entry, whose title begins with the kind: a function may be called alike."""
    anchor = kind.replace(" ", "-")
    rows = [" | ".join([f"[{one.name}](#{anchor}{one.name})", *one.facts]) for one in entries]
    table = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *(f"| {row} |" for row in rows)]
    return [head, *table, *(_section(kind, one) for one in entries)]


def _described(cls: type) -> dict[str, str]:
    """What the docstrings of a class and of its bases say of each parameter; a base where the class says nothing."""
    texts = [inspect.cleandoc(vars(base).get("__doc__") or "") for base in reversed(cls.__mro__)]
    found = [re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", text, re.MULTILINE) for text in texts]
    return {name: " ".join(words.split()) for pairs in found for name, words in pairs}


def _function_facts(cls: type[Interdependence], domain: str) -> tuple[str, ...]:
    stated, learns = re.search(r"\bIn ([\[({].*?[\])}])[ ,.;:]", domain), _learns(cls)
    return (
        stated[1] if stated else "",
        _yes(cls.require_data),
        learns,
        _yes(cls.differentiable) if cls.require_data else "",
        _yes(cls.sparse),
        _yes(cls.streams) if cls.require_data and learns != "yes" else "",
        cls.cost,
    )


def _learns(cls: type[Interdependence]) -> str:
    if cls.bound_sizes:
        return "yes"
    return "on request" if "learnable" in inspect.signature(cls).parameters else "no"


def _fusion_facts(cls: type[Fusion], domain: str) -> tuple[str, ...]:
    bare = cls.__new__(cls)  # the class alone tells what is sparse
    one, every = bare.gives_sparse([True, False]), bare.gives_sparse([True, True])
    by_part = issubclass(cls, StackingBase) or cls.coefficients is not Fusion.coefficients
    return (
        _yes(re.search(r"\bl = ", domain) is not None),
        _yes(cls.symmetric),
        "one" if one else "all" if every else "",
        "part by part" if by_part else "at the links of those that are sparse, else built" if one else "built",
    )


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _plain(default: object) -> str:
    return "null" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _section(kind: str, one: Entry) -> str:
    parameters = [f"- `{name}`: {text}" for name, text in one.parameters.items()]
    parts = [f"\n## {kind}{one.name}\n", one.summary, f"\n$$\n{one.formula}\n$$\n", one.domain]
    return "\n".join([*parts, *(["", *parameters] if parameters else [])])


if __name__ == "__main__":
    print(page())
