"""What a job is, apart from where and when it runs. Free of torch."""

import hashlib
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

NOT_PART_OF_THE_RESULT = ("force", "runs", "sweep", "controls", "export")
"""Settings that decide where, when and beside what a job runs, and so are left out of its hash."""

ANY_SEED = "<any seed>"
"""Stands for the seed where replicates are one."""

_LONGEST_NAME = 120


Text = Callable[[Any], str]


def canonical(node: Any) -> str:
    """A node as JSON, the same for equal ones: keys as texts and in their order."""
    return json.dumps(json.loads(json.dumps(node, default=str)), sort_keys=True)


def result_text(plain: Mapping[str, Any], text: Text = canonical, left_out: Sequence[str] = ()) -> str:
    """All of a resolved configuration that decides the result, as one text.

    Args:
        plain: the configuration.
        text: of each of its nodes.
        left_out: more names that are left out.
    """
    dropped = {*NOT_PART_OF_THE_RESULT, *left_out}
    names = sorted(name for name in plain if name not in dropped)
    return "{" + ", ".join(f"{text(name)}: {text(plain[name])}" for name in names) + "}"


def content_hash(plain: Mapping[str, Any]) -> str:
    """SHA-256 of a resolved configuration, less what does not change the result."""
    return sha256(result_text({str(name): node for name, node in plain.items()}))


class Configuration(NamedTuple):
    """What replicates share.

    Args:
        plain: the resolved configuration, `ANY_SEED` in the place of the seed.
        choices: the option of each group.
        text: all of it that decides the result.
        meaning: hash that all configurations share that ask for the same.
    """

    plain: Mapping[str, Any]
    choices: Mapping[str, Any]
    text: str
    meaning: str

    @property
    def digest(self) -> str:
        """Hash of all that decides the result, but for the seed."""
        return sha256(self.text)

    @property
    def functions(self) -> list[str]:
        """Names of the interdependence functions; none where the network takes none."""
        return list(self.plain["interdependence"]) if self.is_related else []

    @property
    def second_functions(self) -> list[str]:
        """Names of the functions of the hybrid on the other axis; none where there is none."""
        found = (self.plain.get("second") or {}).get("interdependence")
        return list(found) if self.is_related and isinstance(found, Mapping) else []

    @property
    def is_related(self) -> bool:
        """Whether the network takes interdependence functions at all."""
        return self.choices.get("model") != "mlp"


class Description:
    """One run of one configuration with one seed: what it is called, where it lies, what is known before it runs.

    Small, and goes to other processes as it is.

    Args:
        shared: the configuration.
        seed: the seed, as it was given.
        overrides: the words that ask for the job, its seed included.
    """

    def __init__(self, shared: Configuration, seed: Any, overrides: Sequence[str]) -> None:
        self._shared = shared
        self.seed = seed
        self.overrides = list(overrides)
        self.digest = sha256(_seeded(shared.text, seed))
        self.experiment: str = shared.choices.get("experiment") or "default"
        self.name: str = (shared.plain.get("sweep") or {}).get("name") or self.experiment

    @property
    def configuration(self) -> str:
        """Hash of the configuration without its seed, which replicates share."""
        return self._shared.digest

    @property
    def meaning(self) -> str:
        """Hash that all configurations share that ask for the same, their seeds aside."""
        return self._shared.meaning

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The resolved configuration; what it says of a sweep aside."""
        return {name: _with_seed(node, self.seed) for name, node in self._shared.plain.items() if name != "sweep"}

    @cached_property
    def config(self) -> DictConfig:
        """The configuration as OmegaConf has it, not to be changed."""
        return DictConfig(_escaped(self.plain), flags={"readonly": True})

    @property
    def force(self) -> bool:
        """Whether the job is done again although it is done."""
        return self._node("force") is True

    @property
    def files(self) -> dict[str, Path]:
        """The files that its data are read from, by the names of their checksums in the record."""
        data = self._node("data")
        given = {"sha256": data.get("path"), "links_sha256": data.get("links")}
        return {name: Path(path) for name, path in given.items() if isinstance(path, str)}

    @cached_property
    def folder(self) -> Path:
        """Where the job's results lie: <runs>/<name>/<readable>-<hash>."""
        return Path(str(self._node("runs")), self.name, self._label)

    @property
    def _label(self) -> str:
        """The name of the folder."""
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(self._words))
        if len(readable) > _LONGEST_NAME:  # the hash does not know in which order functions are fused, the name does
            readable = f"{readable[: _LONGEST_NAME - 11]}-{sha256(readable)[:10]}"
        return f"{readable.strip('-_.')}-{self.digest[:10]}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the record says before the job runs."""
        choices, related = self._shared.choices, self._shared.is_related
        chosen = {group: choices[group] if related else None for group in ("fusion", "axis", "postprocess")}
        second = self._shared.second_functions
        return {
            "experiment": self.experiment,
            "seed": self.seed,
            "interdependence": self._shared.functions,
            **chosen,
            "second_interdependence": second,
            "second_fusion": choices.get("fusion@second.fusion") if second else None,
            "model": choices["model"],
            "data": {"name": choices["data"]},
            "overrides": self.overrides,
            "config_hash": self.digest,
            "configuration": self.configuration,
            "meaning": self.meaning,
        }

    @property
    def _words(self) -> list[str]:
        """What the folder's readable name is made of."""
        choices, functions = self._shared.choices, "-".join(self._shared.functions)
        relation = [choices["axis"], functions, choices["fusion"]] if self._shared.is_related else []
        data = Path(self._node("data").get("path") or choices["data"]).stem
        return [data, choices["model"], *relation, f"seed{self.seed}"]

    def _node(self, name: str) -> Any:
        """A node of the configuration, without the others."""
        made = self.__dict__.get("plain")
        return _with_seed(self._shared.plain[name], self.seed) if made is None else made[name]


def sha256(text: str) -> str:
    """Of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _seeded(text: str, seed: Any) -> str:
    """The JSON of a configuration with its seed, be it a value or a part of a text."""
    quoted = json.dumps(ANY_SEED)
    value = str(seed) if type(seed) is int else canonical(seed)  # the same, at once
    return text.replace(quoted, value).replace(quoted[1:-1], json.dumps(str(seed))[1:-1])


def _with_seed(node: Any, seed: Any) -> Any:
    """The same node with its seed; what has none is shared."""
    if isinstance(node, dict):
        inner = {key: _with_seed(value, seed) for key, value in node.items()}
        return node if all(map(operator.is_, inner.values(), node.values())) else inner
    if isinstance(node, list):
        values = [_with_seed(value, seed) for value in node]
        return node if all(map(operator.is_, values, node)) else values
    if isinstance(node, str) and ANY_SEED in node:
        return seed if node == ANY_SEED else node.replace(ANY_SEED, str(seed))
    return node


def _escaped(node: Any) -> Any:
    """The same with texts that only look like interpolations kept as they are."""
    if isinstance(node, Mapping):
        return {key: _escaped(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_escaped(value) for value in node]
    return node.replace("${", "\\${") if isinstance(node, str) else node
