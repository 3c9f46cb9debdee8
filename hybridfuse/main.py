"""The command line: checks the words, then lets Hydra compose the configuration and the runner run it.

Nothing here imports torch, so that help, completion and a misspelt word answer at once.
"""

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from hybridfuse import command, usage
from hybridfuse.command import CommandError

COMMAND, FAILED, INTERRUPTED = 2, 1, 130


def conf_directory() -> Path:
    """Where the configuration groups lie: inside the package when installed, beside it in a clone."""
    inside = Path(__file__).parent / "conf"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "conf"


def main() -> None:
    """Runs the program; ends with 0, 1 (a run failed), 2 (a wrong command) or 130 (interrupted)."""
    conf = conf_directory()
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(usage.text(conf))
        return
    # Hydra prints errors as it sees fit and exits with 1; told to raise them, it leaves both to us.
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR", "0") != "0"
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        command.check(conf, sys.argv[1:])
        codes = _run(conf)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except CommandError as error:
        if wants_traceback:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(COMMAND)
    except OSError as error:
        if wants_traceback:
            raise
        print(f"error: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        sys.exit(FAILED)
    sys.exit(max(codes, default=0) if len(codes) < 2 else int(any(codes)))


def _run(conf: Path) -> list[int]:
    """Exit codes of the runs that the command asks for."""
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        from hybridfuse.run import run

        codes.append(run(config))

    hydra.main(config_path=str(conf), config_name="train", version_base="1.3")(job)()
    return codes
