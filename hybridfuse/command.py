"""What can be said of a command before anything runs; every finding is one sentence. Free of torch."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hybridfuse import check as checks
from hybridfuse import explanation, relocated, targets

# Hydra 1.3 wants to be told which defaults are meant; later ones know no others and warn.
VERSION_BASE = {"version_base": "1.3"} if hydra.__version__.startswith("1.3.") else {}

_ENUMERABLE = (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP)
OWN_SWEEPERS = "hydra_plugins.hybridfuse."
"""Where the sweepers are that plan their jobs themselves."""
LISTS = ("interdependence",)
"""Groups of which several options are chosen at once."""


class CommandError(Exception):
    """A command that cannot be run as it stands."""


def check(conf: Path, argv: Sequence[str]) -> bool:
    """Names, keys and targets of a command; of a sweep those of its options, since its plan finds the rest.

    Returns:
        Whether the command asks for several runs: as a sweep, or for controls beside one.

    Raises:
        CommandError: at the first word that is wrong.
    """
    arguments = get_args_parser().parse_args(list(argv))
    if arguments.experimental_rerun is not None:
        raise CommandError("--experimental-rerun is not supported: it would run code from a pickle.")
    if arguments.config_path is not None or arguments.config_name is not None:
        raise CommandError("--config-path and --config-name are not supported: --config-dir adds options of your own.")
    if arguments.shell_completion:
        return False  # the words are not finished yet, and nothing will run
    directories = [conf, *([Path(arguments.config_dir)] if arguments.config_dir else [])]
    overrides = _parsed(arguments.overrides)
    for override in overrides:
        check_choice(override, directories)
        if override.is_sweep_override() and not arguments.multirun and not override.is_hydra_override():
            raise CommandError(f"{override.input_line} is a sweep over several values: add -m.")
    words = [word for word in arguments.overrides if is_of_hydra(word) or not arguments.multirun]
    config = composed(conf, words, arguments.config_dir)
    check_composed(config)
    if arguments.multirun and not str(config.hydra.sweeper._target_).startswith(OWN_SWEEPERS):
        raise CommandError(f"hydra.sweeper must be hybridfuse's own, got {config.hydra.sweeper._target_}.")
    several = arguments.multirun or config.controls
    if not several:
        _check_single(conf, overrides, config)
    return bool(several and (arguments.multirun or (arguments.cfg is None and not arguments.info)))


def _check_single(conf: Path, overrides: Sequence[Override], config: DictConfig) -> None:
    """CommandError if a single run is given settings of a sweep, of which it has but the name."""
    usual = plain_tree(OmegaConf.load(conf / "train.yaml").sweep)
    for override in overrides:
        first, _, name = override.key_or_group.partition(".")
        if first == "sweep" and name != "name" and config.sweep.get(name) != usual.get(name):
            raise CommandError(f"{override.input_line} is for a sweep: add -m, or leave it out.")


def of_sweep(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments of a sweep for Hydra, and the words for our sweeper; without -m Hydra has them all.

    Hydra would compose them without knowing to which of the jobs they belong; the plan composes each job.
    """
    arguments = get_args_parser().parse_args(list(argv))
    own = [word for word in arguments.overrides if arguments.multirun and not is_of_hydra(word)]
    words = {word: relocated.expanded([word]) for word in arguments.overrides}
    left = (argument for argument in argv if argument not in own)
    return [one for argument in left for one in words.get(argument, [argument])], own


def is_of_hydra(word: str) -> bool:
    """Whether a word is for Hydra rather than for the jobs."""
    return re.match(r"[+~]*hydra\b", word) is not None


def check_settings(config: Mapping[str, Any]) -> None:
    """CommandError if settings of a configuration that belong to no group are none."""
    if not isinstance(config["runs"], str) or not config["runs"]:
        raise CommandError(f"runs must be a folder, got {config['runs']!r}.")
    for name in ("force", "controls"):
        if not isinstance(config[name], bool):
            raise CommandError(f"{name} must be true or false, got {config[name]!r}.")
    name = (config.get("sweep") or {}).get("name")
    if name is not None and not (isinstance(name, str) and re.fullmatch(r"[\w][\w.+-]*", name)):
        raise CommandError(f"sweep.name must be letters, digits, dots and dashes, got {name!r}.")


def check_composed(config: DictConfig) -> None:
    """CommandError if a composed configuration is incomplete, or names what may not run."""
    check_settings(plain_tree(config))
    try:
        targets.check_tree(plain_tree(config))
        OmegaConf.resolve(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    except OmegaConfBaseException as error:
        raise CommandError(f"the configuration is incomplete: {explanation.first_line(error)}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error


def composed(conf: Path, words: Sequence[str], config_dir: str | None = None) -> DictConfig:
    """The configuration that overrides compose, Hydra's own part included.

    Raises:
        CommandError: if they compose none.
    """
    from hybridfuse.sweep import plugins  # which build on this module

    if config_dir is not None and not Path(config_dir).is_dir():
        raise CommandError(f"--config-dir must be a folder, got {config_dir}.")
    plugins.register()
    try:
        with initialize_config_dir(str(conf.resolve()), job_name="train", **VERSION_BASE):
            return compose("train", [*relocated.expanded(words), *searched(config_dir)], return_hydra_config=True)
    except (HydraException, OmegaConfBaseException, AssertionError) as error:
        raise CommandError(_explained(error, conf, words, config_dir)) from error


def searched(config_dir: str | None) -> list[str]:
    """The word that has a folder of the user searched after ours, as Hydra does with --config-dir."""
    return [f"hydra.searchpath=[file://{Path(config_dir).resolve()}]"] if config_dir else []


def options(directories: Sequence[Path], group: str) -> list[str]:
    """Names of the options of a group."""
    return sorted({file.stem for directory in directories for file in (directory / group).glob("*.yaml")})


def _parsed(words: Sequence[str]) -> list[Override]:
    try:
        return [explanation.read(word) for word in words]
    except ValueError as error:
        raise CommandError(str(error)) from error


def check_choice(override: Override, directories: Sequence[Path]) -> None:
    """Names of options, before Hydra meets them, which drops a double and does not say which of a list it misses."""
    group = override.key_or_group
    known = options(directories, group)
    if not known:
        return
    if override.is_delete():
        raise CommandError(f"{group} must be one of {', '.join(known)}, got {override.input_line}.")
    for names in _chosen(override):
        if names or relocated.functions(override, []) is None:  # a hybrid beside the first may be without functions
            check_names(group, names, known, override.package or group)
    if group not in LISTS and isinstance(override.value(), list):
        raise CommandError(f"{group} takes one option, got {override.input_line}.")


def check_names(group: str, names: Sequence[str], known: Sequence[str], place: str | None = None) -> None:
    """CommandError if options of a group are none of those that are known, or are chosen twice for a place."""
    if not names and group in LISTS:
        raise CommandError(f"{group} must name at least one of {', '.join(known)}, got [].")
    for name, count in Counter(names).items():
        if name not in known:
            near = checks.nearest(name, known) or "."
            raise CommandError(f"{group} must be among {', '.join(known)}, got {name}{near}")
        if count > 1:
            raise CommandError(
                f"{group} names {name} twice; a second use takes a name of its own: "
                f"'+{group}@{place or group}.second_{name}={name}'."
            )


def _chosen(override: Override) -> Iterator[list[str]]:
    """The list of names that each job of an override chooses."""
    if not override.is_sweep_override():
        yield _names(override.value())
    elif override.value_type in _ENUMERABLE:
        for value in override.sweep_iterator():
            yield _names(value)


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else ["null" if value is None else str(value)]


def plain_tree(config: DictConfig) -> dict[str, Any]:
    """A configuration as it is written, with interpolations left alone."""
    plain: Any = OmegaConf.to_container(config, resolve=False)
    return plain


def _explained(error: Exception, conf: Path, words: Sequence[str], config_dir: str | None) -> str:
    """One sentence for an error of Hydra's, with the nearest right name."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        known = options([conf, *([Path(config_dir)] if config_dir else [])], group)
        return f"{group or 'the configuration'} has no option {name}{checks.nearest(name, known) or '.'}"
    unknown = re.search(r"Could not (?:override|append to config|delete).*?'([^']+)'", str(error))
    if unknown is None:
        return explanation.first_line(error)
    key = unknown[1]
    if any(word.startswith(f"+{key}=") for word in words):
        return f"{key} is a setting already: leave out the +."
    groups = [word for word in words if options([conf], word.lstrip("+~").partition("=")[0].partition("@")[0])]
    config = composed(conf, groups, config_dir) if len(groups) < len(words) else OmegaConf.create({})
    return explanation.no_setting(key, plain_tree(config))
