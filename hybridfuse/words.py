"""Words `key=value` of the commands that do not go through Hydra. Free of torch."""

import sys
from collections.abc import Callable, Mapping, Sequence

from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from hybridfuse import check
from hybridfuse.command import CommandError

FAILED, WRONG, INTERRUPTED = 1, 2, 130


def settings(words: Sequence[str], defaults: Mapping[str, str | None]) -> dict[str, str | None]:
    """The values of all settings, as texts.

    Raises:
        CommandError: if a word is no `key=value`, or there is no such key.
    """
    given: dict[str, str | None] = {}
    known = ", ".join(defaults)
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise CommandError(f"a word of this command must be key=value, got {word!r}.")
        if key not in defaults:
            raise CommandError(f"{key} is no setting{check.nearest(key, defaults) or f', as {known} are.'}")
        given[key] = None if value in ("", "null") else value
    return {**defaults, **given}


def needed(settings: Mapping[str, str | None], key: str, example: str) -> str:
    """The value of a setting, CommandError if there is none."""
    value = settings[key]
    if value is None:
        raise CommandError(f"{key} must be given, e.g. {key}={example}.")
    return value


def listed(key: str, value: str | None) -> list[str]:
    """A list as Hydra's command line writes it, `[a,b]`; empty for None.

    Raises:
        CommandError: if it is none.
    """
    if value is None:
        return []
    try:
        found = OmegaConf.create(value) if value.startswith("[") else None
    except (YAMLError, OmegaConfBaseException, ValueError):
        found = None
    if not isinstance(found, ListConfig):
        raise CommandError(f"{key} must be a list such as [a,b], got {value}.")
    return [str(name) for name in found]


def called(work: Callable[[Sequence[str]], None], usage: str) -> int:
    """Does the work of a command with its words; the exit code, what went wrong being said in one sentence."""
    words = sys.argv[1:]
    if not words or {"-h", "--help"} & set(words):
        print(usage)
        return 0 if words else WRONG
    try:
        work(words)
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG
    except (ValueError, TypeError, OSError) as error:
        print(f"failed: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0
