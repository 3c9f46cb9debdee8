"""Configurations of many jobs, composed as Hydra does, a few of them by Hydra. Free of torch.

Hydra merges files in an order that its defaults list gives, then applies the words that set values. It composes once
for each set of words that choose anything but plain files; of these, the files are exchanged in the list, and merged
here. Where this would not give what Hydra gives, Hydra is asked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from hybridfuse import command, relocated, targets
from hybridfuse.command import CommandError
from hybridfuse.description import ANY_SEED, Configuration, Description, canonical, result_text, sha256
from hybridfuse.sweep.meaning import SOURCES, meaning
from hybridfuse.sweep.option import Entry, Options
from hybridfuse.sweep.resolution import OfNodes, Resolver
from hybridfuse.sweep.tree import Tree, UncertainError, merged, overridden
from hybridfuse.sweep.words import Words, is_group, key, parsed

_CLASSES = {"_target_", "function_class"}


class Composed(NamedTuple):
    """A configuration as it is written, Hydra's part aside, and the option of each group."""

    tree: Tree
    choices: dict[str, Any]


class Draft(NamedTuple):
    """A configuration and the words that ask for it."""

    shared: Configuration
    seed: Any
    words: Words

    def description(self, seed: int | None = None) -> Description:
        """A job: this configuration, with its own seed or another."""
        if seed is None:
            return Description(self.shared, self.seed, self.words)
        return Description(self.shared, seed, (*self.words, f"seed={seed}"))


class Finisher:
    """Makes configurations of what is composed, sharing what they have in common."""

    def __init__(self) -> None:
        self._resolver = Resolver()
        self._text, self._meaning = OfNodes(canonical), OfNodes(meaning)

    def configuration(self, composed: Composed, name: str | None = None) -> Configuration:
        """The configuration, resolved for any seed.

        Args:
            composed: the configuration as it is written.
            name: of the folder of the results; None leaves it to the configuration.

        Raises:
            CommandError: if it is incomplete.
        """
        tree = {**without_leftovers(composed.tree), "seed": ANY_SEED}
        plain = self._resolver.resolved(tree if name is None else {**tree, "sweep": {"name": name}})
        meant = sha256(result_text(plain, self._meaning, SOURCES))
        return Configuration(plain, composed.choices, result_text(plain, self._text), meant)

    def seed(self, composed: Composed) -> Any:
        """The seed that a configuration has of itself.

        Raises:
            CommandError: if it leads nowhere.
        """
        seed = composed.tree.get("seed")
        return self._resolver.resolved(composed.tree)["seed"] if isinstance(seed, str) and "${" in seed else seed


class Composer:
    """Configurations from words without sweeps.

    Args:
        conf: where the groups are.
        config_dir: more of them, of the user.
    """

    def __init__(self, conf: Path, config_dir: str | None = None) -> None:
        self._conf, self._config_dir = conf, config_dir
        self.directories = [conf, *([Path(config_dir)] if config_dir else [])]
        self._options = Options(self.directories)
        self._finisher = Finisher()
        self._bases: dict[Words, _Base] = {}
        self._known: dict[Words, Composed] = {}

    def draft(self, words: Sequence[str], name: str | None = None) -> Draft:
        """What words ask for.

        Args:
            words: none of them a sweep.
            name: of the folder of the results; None leaves it to the configuration.

        Raises:
            CommandError: if they ask for nothing that can be composed.
        """
        composed = self.composed(tuple(words))
        command.check_settings(composed.tree)
        return Draft(self._finisher.configuration(composed, name), self._finisher.seed(composed), tuple(words))

    def composed(self, words: Words) -> Composed:
        """What words compose, as it is written."""
        words = tuple(relocated.expanded(words))
        groups = tuple(word for word in words if is_group(word, self.directories))
        try:
            tree, choices = self._grouped(groups)
            values = [word for word in words if word not in groups]
            for word in values:
                tree = overridden(tree, parsed(word))
        except UncertainError:
            return self._by_hydra(words)
        if any("_target_" in word for word in values):
            _check_targets(tree)
        return Composed(tree, choices)

    def _grouped(self, words: Words) -> Composed:
        if words not in self._known:
            self._known[words] = self._exchanged(words)
        return self._known[words]

    def _exchanged(self, words: Words) -> Composed:
        """The base of these words, its plain files exchanged for those that the words name."""
        plain = {word: self._options.is_plain(word) for word in words}
        if not any(plain.values()):
            return self._by_hydra(words)
        base = self._base(tuple(key(word) if plain[word] else word for word in words), words)
        try:
            return base.exchanged([word for word in words if plain[word]])
        except UncertainError:
            return self._by_hydra(words)

    def _base(self, kind: Words, words: Words) -> "_Base":
        if kind not in self._bases:
            self._bases[kind] = _Base(self._options, words, self._by_hydra(words), self._entries(words))
        return self._bases[kind]

    def _by_hydra(self, words: Words) -> Composed:
        config = command.composed(self._conf, words, self._config_dir)
        command.check_composed(config)
        tree = command.plain_tree(config)
        choices = tree.pop("hydra")["runtime"]["choices"]
        return Composed(tree, choices)

    def _entries(self, words: Words) -> list[Entry]:
        """The files that Hydra merges, in their order."""
        words = (*words, *command.searched(self._config_dir))
        with initialize_config_dir(str(self._conf.resolve()), job_name="train", **command.VERSION_BASE):
            loader = GlobalHydra.instance().config_loader()
            found: Any = loader.compute_defaults_list(
                "train", [*words, *command.searched(self._config_dir)], RunMode.RUN
            )
        return [Entry(one.config_path, one.package or "", one.override_key) for one in found.defaults]


class _Base:
    """One configuration that Hydra has composed, as files of which some can be exchanged.

    Args:
        options: reads files.
        words: those that chose groups.
        composed: what they compose.
        entries: the files, in the order in which they are merged.
    """

    def __init__(self, options: Options, words: Words, composed: Composed, entries: Sequence[Entry]) -> None:
        self._options, self._words, self._choices = options, words, composed.choices
        self._entries = [entry for entry in entries if not entry.is_of_hydra]
        try:
            self._sure = options.free(self._entries) and self._merged(self._entries) == composed.tree
        except UncertainError:
            self._sure = False

    def exchanged(self, words: Sequence[str]) -> Composed:
        """The configuration with the options that other words for the same groups choose."""
        if not self._sure:
            raise UncertainError
        entries, choices = list(self._entries), dict(self._choices)
        before = {key(word): word for word in self._words}
        for word in words:
            self._options.exchange(entries, before[key(word)], word)
            if key(word) in choices:
                choices[key(word)] = parsed(word).value()
        return Composed(self._merged(entries), choices)

    def _merged(self, entries: Sequence[Entry]) -> Tree:
        tree: Tree = {}
        for entry in entries:
            tree = merged(tree, self._options.content(entry))
        return {name: node for name, node in tree.items() if name != "hydra"}


def without_leftovers(tree: Tree) -> Tree:
    """The tree without settings of functions that are not in use, which an experiment may bring."""
    functions = tree["interdependence"]
    in_use = {name: node for name, node in functions.items() if not isinstance(node, dict) or _CLASSES & node.keys()}
    return tree if len(in_use) == len(functions) else {**tree, "interdependence": in_use}


def _check_targets(tree: Tree) -> None:
    try:
        targets.check_tree(tree)
    except ValueError as error:
        raise CommandError(str(error)) from error
