"""When two configurations ask for the same. Free of torch."""

import ast
import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hybridfuse import targets
from hybridfuse.discovery import snake_case

SOURCES = (
    *("interdependence", "fusion", "balance", "postprocess", "axis", "hybrid"),
    *("second", "second_hybrid", "transformation", "reconciliation", "remainder"),
)
"""What the configuration of a network refers to, and nobody else reads: it means nothing where a network does not."""

_FUNCTIONS, _FUSION = "interdependence_function_configs", "fusion_function_config"
_PACKAGE = "hybridfuse.fusion."


class Traits(NamedTuple):
    """What the class of a fusion says of itself: whether order matters, and whether one matrix comes out as it is."""

    symmetric: bool = False
    keeps_one: bool = False


def meaning(node: Any) -> str:
    """A node of a resolved configuration as JSON, the same for all that ask for the same.

    The order of functions under a symmetric fusion means nothing, nor does a fusion that returns a single matrix as it
    is. Results of equal configurations can differ in the last digits, since initial weights are drawn in the order of
    the functions.
    """
    return json.dumps(_canonical(node), sort_keys=True, default=str)


def _canonical(node: Any, in_order: bool = False) -> Any:
    """The same for nodes of one meaning; keys as texts.

    Args:
        node: any part of a configuration.
        in_order: whether order matters, since single layers may change the fusion.
    """
    if isinstance(node, Mapping):
        in_order = in_order or bool(node.get("layers"))
        inner = {str(key): _canonical(value, in_order) for key, value in node.items()}
        return _hybrid(node, inner, in_order) if _FUNCTIONS in node else inner
    return [_canonical(value, in_order) for value in node] if isinstance(node, (list, tuple)) else node


def _hybrid(node: Mapping[Any, Any], inner: dict[str, Any], in_order: bool) -> dict[str, Any]:
    """A hybrid, its functions as a list of pairs in an order that is its own only where that matters."""
    fusion, given = node.get(_FUSION), inner[_FUNCTIONS] or {}
    if not isinstance(given, (dict, list)):  # a mistake, which the network will tell
        return inner
    pairs = [[name, one] for name, one in given.items()] if isinstance(given, dict) else [["", one] for one in given]
    if in_order or not isinstance(fusion, Mapping):
        return {**inner, _FUNCTIONS: pairs}
    known = traits(str(fusion.get("_target_", fusion.get("function_class"))))
    if known.symmetric:
        pairs.sort(key=lambda pair: json.dumps(pair, sort_keys=True, default=str))
    # Weights that are given change even a single matrix.
    alone = not pairs or (len(pairs) == 1 and known.keeps_one and fusion.get("weights") is None)
    return {**inner, _FUNCTIONS: pairs, _FUSION: None if alone else inner[_FUSION]}


@cache
def traits(target: str) -> Traits:
    """Traits of a fusion by its dotted path; ours are read from the source, since to import them takes torch."""
    if target.startswith(_PACKAGE):
        name = target.rpartition(".")[2]
        file = Path(__file__).parents[1] / "fusion" / f"{snake_case(name)}.py"
        return Traits(**_attributes(file, name)) if file.is_file() else Traits()
    if not targets.added(target):
        return Traits()
    try:
        found = pkgutil.resolve_name(target)
    except (ImportError, AttributeError, ValueError):
        return Traits()
    return Traits(*(getattr(found, field, False) is True for field in Traits._fields))


def _attributes(file: Path, name: str) -> dict[str, bool]:
    """The traits that the class `name` of a file sets."""
    module = ast.parse(file.read_text(encoding="utf-8"))
    found = next((node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name), None)
    return {
        target.id: statement.value.value is True
        for statement in (found.body if found else [])
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id in Traits._fields
    }
