"""Configurations as plain trees, changed without OmegaConf, which takes a hundred times as long.

What cannot be done in the plain way for certain raises `UncertainError`; OmegaConf is asked then. Trees are never
changed: what differs is new, everything else is shared.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from hydra.core.override_parser.types import Override

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

Tree = dict[Any, Any]


class UncertainError(Exception):
    """OmegaConf may do something of its own here."""


def lookup(tree: Mapping[Any, Any], path: str) -> Any:
    """The node at a dotted path.

    Raises:
        KeyError: if there is none.
    """
    node: Any = tree
    for key in path.split("."):
        if not isinstance(node, Mapping) or key not in node:
            raise KeyError(path)
        node = cast("Mapping[Any, Any]", node)[key]
    return node


def merged(below: Tree, above: Mapping[Any, Any]) -> Tree:
    """`below` with the entries of `above`, mappings merged, all else replaced."""
    result = dict(below)
    for key, value in above.items():
        before = result.get(key)
        if isinstance(value, dict) and isinstance(before, str):
            raise UncertainError  # an interpolation to a mapping would be followed
        result[key] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def overridden(tree: Tree, override: Override) -> Tree:
    """The tree with a word of the command line applied, one of a setting."""
    path, value = override.key_or_group, override.value()
    if override.package is not None or not _KEY.fullmatch(path) or isinstance(value, dict):
        raise UncertainError
    keys = path.split(".")
    if override.is_delete():
        return _without(tree, keys) if value is None else _refused()
    if override.is_add():
        return _with(tree, keys, value, new=True, over=False)
    return _with(tree, keys, value, new=override.is_force_add(), over=True)


def _refused() -> Tree:
    raise UncertainError


def _with(tree: Tree, keys: Sequence[str], value: Any, new: bool, over: bool) -> Tree:
    """The tree with a value at a path.

    Args:
        tree: a mapping.
        keys: the path.
        value: what to set.
        new: whether the path may be new.
        over: whether something may be there.
    """
    key, *rest = keys
    before = tree.get(key)
    if (key not in tree and not new) or (not rest and before is not None and not over):
        raise UncertainError
    if not rest:
        return {**tree, key: value}
    if before is None and new:
        before = {}
    if not isinstance(before, dict):
        raise UncertainError
    return {**tree, key: _with(cast("Tree", before), rest, value, new, over)}


def _without(tree: Tree, keys: Sequence[str]) -> Tree:
    key, *rest = keys
    before = tree.get(key)
    if before is None or (rest and not isinstance(before, dict)) or (isinstance(before, str) and "${" in before):
        raise UncertainError
    others = {name: node for name, node in tree.items() if name != key}
    return {**tree, key: _without(cast("Tree", before), rest)} if rest else others
