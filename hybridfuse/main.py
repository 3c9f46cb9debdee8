"""The command line: checks the words, then lets Hydra compose the configuration and the runner run it.

Nothing here imports torch, so that help, completion and a misspelt word answer at once.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from hybridfuse import command, usage
from hybridfuse.command import CommandError
from hybridfuse.termination import interrupted_by_termination

COMMAND, FAILED, INTERRUPTED = 2, 1, 130


def conf_directory() -> Path:
    """Where the configuration groups lie: inside the package when installed, beside it in a clone."""
    inside = Path(__file__).parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "conf"


def main() -> None:
    """Runs the program; ends with 0, 1 (a run failed), 2 (a wrong command) or 130 (interrupted)."""
    conf = conf_directory()
    if {"-h", "--help"} & set(sys.argv[1:]):
        _print_help(conf)
        return
    # Hydra reads words on one side of a flag only.
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda word: word not in ("-m", "--multirun"))
    try:
        several = command.check(conf, sys.argv[1:])
        with interrupted_by_termination() if several else nullcontext():
            codes = _run(conf, several)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except CommandError as error:
        sys.exit(_wrong(error))
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(_wrong(CommandError(str(error).strip().splitlines()[0])))
    except OSError as error:
        sys.exit(_unwritable(error))
    sys.exit(codes[0] if len(codes) == 1 else int(any(codes)))


def _print_help(conf: Path) -> None:
    try:
        print(usage.text(conf), flush=True)
    except BrokenPipeError:  # `--help | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(conf: Path, several: bool) -> list[int]:
    """Exit codes of the runs that the command asks for."""
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        from hybridfuse.console import ConsoleReporter
        from hybridfuse.run import described, run

        try:
            codes.append(run(described(config), ConsoleReporter()))
        except CommandError as error:
            codes.append(_wrong(error))
        except OSError as error:
            codes.append(_unwritable(error))

    with _errors_raised_by_hydra(), _given_to_hydra(several):
        hydra.main(config_path=str(conf), config_name="train", **command.VERSION_BASE)(job)()
    return codes


def _wrong(error: CommandError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return COMMAND


def _unwritable(error: OSError) -> int:
    place = f" at {error.filename}" if error.filename else ""
    print(f"error: results cannot be written{place}: {error.strerror or error}", file=sys.stderr)
    return FAILED


@contextmanager
def _given_to_hydra(several: bool) -> Generator[None, None, None]:
    """Hydra reads the arguments from where Python has them; the words of several runs are left to our sweeper."""
    from hybridfuse.sweep.sweeper import Sweep

    before = sys.argv
    multirun = ["-m"] if several and not {"-m", "--multirun"} & set(before) else []
    arguments, Sweep.words = command.of_sweep([*before[1:], *multirun])
    sys.argv = [before[0], *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _errors_raised_by_hydra() -> Generator[None, None, None]:
    """Hydra prints errors as it sees fit and exits with 1; told to show them in full, it raises them."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        os.environ.pop("HYDRA_FULL_ERROR")
        if before is not None:
            os.environ["HYDRA_FULL_ERROR"] = before
