"""The results of a folder of runs: `python -m hybridfuse.summary runs/NAME`. Free of torch."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hybridfuse import check
from hybridfuse.command import CommandError

COMMAND, FAILED, INTERRUPTED = 2, 1, 130

_HELP = """python -m hybridfuse.summary FOLDER [OTHER FOLDER] [setting=value ...]

  python -m hybridfuse.summary runs/default                        a leaderboard for each data set
  python -m hybridfuse.summary runs/default out=table.csv          and as a file: .csv, .md, .tex, or a picture, .png
  python -m hybridfuse.summary runs/default metric=val/f1          sorted by another metric
  python -m hybridfuse.summary runs                                everything there is
  python -m hybridfuse.summary runs/before runs/after              what became of each configuration

Runs that differ in the seed alone are one configuration. Failed and unfinished runs are listed below.

  metric=val/accuracy      that decides; without it accuracy, rmse, mse or loss on validation, as the data have it
  interval=t               95 % confidence interval of a mean: t (Student's) or bootstrap (BCa)
  test=t                   of differences from the best, paired by seed, two-sided: t or wilcoxon (signed ranks, exact)
  top=20                   configurations to show on the screen; without it all
  out=table.csv            a file to write, several as out=[table.csv,table.png]
  tensorboard=true         an entry a configuration for TensorBoard's HPARAMS, in FOLDER/summary

Exit codes: 0 done, 1 a file cannot be written, 2 a wrong command, 130 interrupted."""

KEYS = ("metric", "interval", "test", "top", "out", "tensorboard")


class Command(NamedTuple):
    """What is asked for."""

    folders: list[Path]
    metric: str | None
    interval: str
    test: str
    top: int | None
    out: list[Path]
    tensorboard: bool


def main() -> None:
    """Runs the program."""
    sys.stdout.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(words: Sequence[str]) -> int:
    """Answers a command; its exit code."""
    if {"-h", "--help"} & set(words):
        print(_HELP, flush=True)
        return 0
    try:
        _answer(parsed(words))
    except (CommandError, ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return COMMAND
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f" at {error.filename}" if error.filename else ""
        print(f"error: nothing can be written{place}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return 0


def parsed(words: Sequence[str]) -> Command:
    """The command of some words.

    Raises:
        CommandError: if they are none, with the nearest right name.
    """
    folders = [Path(word) for word in words if "=" not in word or Path(word).is_dir()]
    settings = _settings([word for word in words if Path(word) not in folders])
    if not 1 <= len(folders) <= 2:
        raise CommandError(f"give the folder of the runs, or two to compare, got {len(folders)}; --help shows how.")
    return Command(
        folders,
        settings.get("metric"),
        check.choice("interval", settings.get("interval", "t"), ("t", "bootstrap")),
        check.choice("test", settings.get("test", "t"), ("t", "wilcoxon")),
        _count(settings["top"]) if "top" in settings else None,
        [Path(name.strip()) for name in settings.get("out", "").strip("[]").split(",") if name.strip()],
        check.choice("tensorboard", settings.get("tensorboard", "false"), ("true", "false")) == "true",
    )


def _settings(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    known = ", ".join(KEYS)
    for word in words:
        name, _, value = word.partition("=")
        if name not in KEYS:
            raise CommandError(f"{name} is no setting{check.nearest(name, KEYS) or f'; there are {known}.'}")
        if name in found or not value:
            raise CommandError(f"{name} must be given once, with a value, got {word}.")
        found[name] = value
    return found


def _count(text: str) -> int:
    if not text.isdecimal():
        raise CommandError(f"top must be a whole number, got {text}.")
    return check.whole("top", int(text))


def _answer(command: Command) -> None:
    from hybridfuse.report import output
    from hybridfuse.report.show import show, show_difference

    for path in command.out:
        output.check_path(path)
    if len(command.folders) == 2:
        if command.out or command.tensorboard or command.top:
            raise CommandError("two folders are compared on the screen: out, top and tensorboard take one folder.")
        before, after = command.folders
        show_difference(before, after, command.metric, command.interval, command.test)
        return
    folder = command.folders[0]
    boards = show(folder, None, command.metric, command.interval, command.test, command.top)
    for path in command.out:
        if not boards:
            raise CommandError(f"{path} is not written: there is nothing to show.")
        output.write(boards, path)
        print(f"written: {path}", flush=True)
    if command.tensorboard:
        from hybridfuse.report.hparams import write_hparams

        print(f"written: {write_hparams(folder)} entries for TensorBoard in {folder / 'summary'}", flush=True)


if __name__ == "__main__":
    main()
