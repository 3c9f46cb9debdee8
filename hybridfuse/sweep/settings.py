"""What `sweep` in a configuration says of the jobs. Free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridfuse import check
from hybridfuse.command import CommandError


@dataclass(frozen=True)
class Settings:
    """The settings of which jobs there are; what they mean stands in `conf/train.yaml`.

    Args:
        name: of the folder.
        seeds: of the replicates; none leaves the seed alone.
        functions: of which subsets are made.
        sizes: of the subsets.
        jobs: a file.
        paired: keys that change together.
        only_if: words that must hold, by the key that is swept then only.
        exclude: words that must not hold together.
        max_jobs: more are a mistake.
        controls: whether single functions and the identity are added.
    """

    name: str | None
    seeds: tuple[int, ...]
    functions: tuple[str, ...]
    sizes: tuple[int, ...]
    jobs: Path | None
    paired: tuple[tuple[str, ...], ...]
    only_if: Mapping[str, str]
    exclude: tuple[str, ...]
    max_jobs: int
    controls: bool


def settings(config: Mapping[str, Any]) -> Settings:
    """Settings of a configuration.

    Raises:
        CommandError: if one is none.
    """
    node: Mapping[str, Any] = config["sweep"]
    try:
        functions = _texts("sweep.from", node["from"])
        return Settings(
            name=node["name"],
            seeds=_seeds(node["seeds"]),
            functions=functions,
            sizes=_sizes(node["sizes"], functions),
            jobs=None if node["jobs"] is None else _file(node["jobs"]),
            paired=_paired(node["paired"]),
            only_if=_conditions(node["only_if"]),
            exclude=_texts("sweep.exclude", [given] if isinstance(given := node["exclude"], str) else given),
            max_jobs=check.whole("sweep.max_jobs", node["max_jobs"]),
            controls=check.truth("controls", config["controls"]),
        )
    except (ValueError, TypeError) as error:
        raise CommandError(str(error)) from error


def _seeds(value: object) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        return tuple(range(check.whole("sweep.seeds", value)))
    seeds = [check.whole("a seed of sweep.seeds", seed, least=0) for seed in value]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"sweep.seeds must be a number or a list of different seeds, got {value}.")
    return tuple(seeds)


def _sizes(value: object, functions: Sequence[str]) -> tuple[int, ...]:
    if (value is None) != (not functions):
        missing, given = ("sweep.sizes", "sweep.from") if functions else ("sweep.from", "sweep.sizes")
        raise ValueError(f"{given} needs {missing}, as in sweep.from=[chain,attention] sweep.sizes=[1,2].")
    sizes = check.wholes("sweep.sizes", value) if functions else []
    if functions and (not sizes or max(sizes) > len(functions) or len(set(sizes)) < len(sizes)):
        raise ValueError(f"sweep.sizes must be different numbers from 1 to {len(functions)}, got {value}.")
    return tuple(sizes)


def _file(value: object) -> Path:
    if not isinstance(value, str) or not Path(value).is_file():
        raise ValueError(f"sweep.jobs must be a file, got {value}.")
    return Path(value)


def _paired(value: object) -> tuple[tuple[str, ...], ...]:
    groups = [_texts("a pair of sweep.paired", keys) for keys in _listed("sweep.paired", value)]
    if any(len(keys) < 2 for keys in groups):
        raise ValueError(f"sweep.paired must be a list of lists of two keys or more, got {value}.")
    return tuple(groups)


def _conditions(value: object) -> dict[str, str]:
    if value is not None and not isinstance(value, Mapping):
        example = "{fusion.temperature: 'fusion=logsumexp'}"
        raise TypeError(f"sweep.only_if must be a mapping such as {example}, got {value}.")
    return {str(key): _text(f"sweep.only_if.{key}", words) for key, words in (value or {}).items()}


def _texts(name: str, value: object) -> tuple[str, ...]:
    return tuple(_text(name, one) for one in _listed(name, value))


def _listed(name: str, value: object) -> list[object]:
    if value is not None and not isinstance(value, list):
        raise TypeError(f"{name} must be a list, got {value}.")
    if value == []:
        raise ValueError(f"{name} must name at least one, got [].")
    return value or []


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{name} must be words, got {value!r}.")
    return value
