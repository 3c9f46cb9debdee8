"""Interpolations of plain trees, followed without OmegaConf, and once for all trees that share nodes. Free of torch."""

import operator
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hybridfuse import explanation
from hybridfuse.command import CommandError
from hybridfuse.sweep.tree import Tree, UncertainError, lookup

_INTERPOLATION = re.compile(r"\$\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}")
_MISSING = "???"

T = TypeVar("T")


class OfNodes(Generic[T]):
    """A function of nodes that is computed once for each: mappings and lists told by identity, all else by value.

    Args:
        function: what to compute; nodes must not change.
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self._known: dict[Any, tuple[Any, T]] = {}  # holds the nodes, so that no other one gets their identity

    def __call__(self, node: Any) -> T:
        name = id(node) if isinstance(node, (dict, list)) else (type(node), node)
        if name not in self._known:
            self._known[name] = node, self._function(node)
        return self._known[name][1]


class Resolver:
    """Resolves trees; a node at the top that leads to the same nodes as in an earlier tree is the same as there."""

    def __init__(self) -> None:
        self._led_to: dict[tuple[str, int], set[str]] = {}
        self._known: dict[tuple[str, int, tuple[int, ...]], tuple[Any, list[Any]]] = {}

    def resolved(self, tree: Tree) -> Tree:
        """The tree with each interpolation replaced by what it leads to.

        Raises:
            CommandError: if one leads nowhere.
        """
        try:
            return {name: self._node(tree, name) for name in tree}
        except UncertainError:
            pass
        try:
            plain: Any = OmegaConf.to_container(DictConfig(tree), resolve=True)
        except OmegaConfBaseException as error:
            raise CommandError(f"the configuration is incomplete: {explanation.first_line(error)}") from error
        return plain

    def _node(self, tree: Tree, name: str) -> Any:
        here = (name, id(tree[name]))
        others = self._led_to.setdefault(here, set())
        known = self._known.get((*here, _identities(tree, others)))
        if known is not None:
            return known[0]
        resolution = _Resolution(tree)
        result = resolution.of(tree[name])
        others |= resolution.led_to
        alive = [tree[name], *(tree.get(other) for other in others)]
        self._known[(*here, _identities(tree, others))] = result, alive
        return result


def _identities(tree: Tree, names: set[str]) -> tuple[int, ...]:
    return tuple(id(tree.get(name)) for name in sorted(names))


class _Resolution:
    """One node being resolved; one that leads back to itself, however far around, is met unresolved."""

    def __init__(self, root: Tree) -> None:
        self._root = root
        self._found: dict[str, Any] = {}
        self.led_to: set[str] = set()

    def of(self, node: Any) -> Any:
        """The node, resolved; the same object where nothing is to be replaced."""
        if isinstance(node, dict):
            items = cast("Tree", node)
            inner = {key: self.of(value) for key, value in items.items()}
            return items if all(inner[key] is value for key, value in items.items()) else inner
        if isinstance(node, list):
            values = cast("list[Any]", node)
            others = [self.of(value) for value in values]
            return values if all(map(operator.is_, others, values)) else others
        return self._at(node) if isinstance(node, str) and "${" in node else node

    def _at(self, text: str) -> Any:
        match = _INTERPOLATION.fullmatch(text)
        if match is None:
            raise UncertainError
        path = match[1]
        self.led_to.add(path.partition(".")[0])
        if path not in self._found:
            self._found[path] = UncertainError
            try:
                self._found[path] = self.of(lookup(self._root, path))
            except KeyError as error:
                raise UncertainError from error
        found = self._found[path]
        if found is UncertainError or found == _MISSING:
            raise UncertainError
        return found
