"""The catalogue of all interdependence functions, in Markdown: `python -m hybridfuse.catalogue > catalogue.md`."""

import inspect
import re
from typing import NamedTuple

import hybridfuse.interdependence
from hybridfuse.discovery import concrete_classes
from hybridfuse.interdependence.base import Interdependence

_HEAD = """# Interdependence functions

Each relates n items with d features and gives A (n, p). On the attribute axis items are the m attributes, and their
features the b rows of a batch; on the instance axis the other way round. In costs, z are the links of a graph.

Formulas and parameters follow below the table. *Data*: whether A depends on x. *Learns*: whether it has learnable
parameters by default, or on request. *Gradient*: whether one reaches x through A. *Streams*: whether A can be computed
from the whole training split batch by batch (`reference=train`).
"""
_COLUMNS = ("function", "range", "data", "learns", "gradient", "sparse", "streams", "cost")


class Entry(NamedTuple):
    """What a class says of itself."""

    name: str
    summary: str
    formula: str
    domain: str
    span: str
    parameters: dict[str, str]
    facts: tuple[str, ...]


def entry(name: str, cls: type[Interdependence]) -> Entry:
    """Read from the docstring, the signature and the class attributes."""
    text = inspect.cleandoc(cls.__doc__ or "")
    summary, formula, rest = re.split(r"\n*\$\$\s*", text)
    domain = re.split(r"^(?:Args|Raises|References):", rest, maxsplit=1, flags=re.MULTILINE)[0]
    stated = re.search(r"\bIn ([\[({].*?[\])}])[ ,.;:]", " ".join(domain.split()))
    given = list(inspect.signature(cls).parameters.values())[3:]
    described = _described(cls)
    parameters = {f"{one.name} = {_plain(one.default)}": described.get(one.name, "") for one in given}
    return Entry(
        name,
        " ".join(summary.split()),
        formula.strip(),
        " ".join(domain.split()),
        stated[1] if stated else "",
        parameters,
        _facts(cls),
    )


def page() -> str:
    """The whole catalogue."""
    entries = [entry(*found) for found in concrete_classes(hybridfuse.interdependence, Interdependence).items()]
    rows = [" | ".join([f"[{one.name}](#{one.name})", one.span, *one.facts]) for one in entries]
    table = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS), *(f"| {row} |" for row in rows)]
    return "\n".join([_HEAD, *table, *map(_section, entries)])


def _described(cls: type) -> dict[str, str]:
    """What the docstrings of a class and of its bases say of each parameter; a base where the class says nothing."""
    texts = [inspect.cleandoc(vars(base).get("__doc__") or "") for base in reversed(cls.__mro__)]
    found = [re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", text, re.MULTILINE) for text in texts]
    return {name: " ".join(words.split()) for pairs in found for name, words in pairs}


def _facts(cls: type[Interdependence]) -> tuple[str, ...]:
    learns = _learns(cls)
    return (
        "yes" if cls.require_data else "no",
        learns,
        ("yes" if cls.differentiable else "no") if cls.require_data else "",
        "yes" if cls.sparse else "no",
        ("yes" if cls.streams else "no") if cls.require_data and learns != "yes" else "",
        cls.cost,
    )


def _learns(cls: type[Interdependence]) -> str:
    if cls.bound_sizes:
        return "yes"
    return "on request" if "learnable" in inspect.signature(cls).parameters else "no"


def _plain(default: object) -> str:
    return "null" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _section(one: Entry) -> str:
    parameters = [f"- `{name}`: {text}" for name, text in one.parameters.items()]
    parts = [f"\n## {one.name}\n", one.summary, f"\n$$\n{one.formula}\n$$\n", one.domain]
    return "\n".join([*parts, *(["", *parameters] if parameters else [])])


if __name__ == "__main__":
    print(page())
