"""One run: what it is called, whether it is done already, and if not, its training. Free of torch until it trains."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hybridfuse import export, relocated
from hybridfuse.claim import claimed
from hybridfuse.command import CommandError, plain_tree
from hybridfuse.description import Description
from hybridfuse.record import Record, file_checksum
from hybridfuse.reporter import Reporter
from hybridfuse.sweep.composition import Composed, Finisher
from hybridfuse.sweep.words import is_about_sweep


def described(config: DictConfig) -> Description:
    """What a single command asks for: its configuration, and what Hydra knows of the job that is running."""
    hydra = HydraConfig.get()
    words = relocated.folded(word for word in hydra.overrides.task if not is_about_sweep(word))
    composed = Composed(plain_tree(config), dict(hydra.runtime.choices))
    return Description(Finisher().configuration(composed), config.seed, words)


def run(description: Description, reporter: Reporter, data: object = None, patience: float = 0.0) -> int:
    """Trains, tests and records what is described; 0 if it is done, 1 if it failed.

    Args:
        description: what to run.
        reporter: told what happens.
        data: the data of the configuration, where they are set up already.
        patience: seconds to wait for another process that is at the same run.

    Raises:
        CommandError: if the configuration cannot be built; nothing is written then.
        ClaimedError: if another process is at this run.
        KeyboardInterrupt: if the run was interrupted; its record says so.
    """
    record, out = Record(description), description.plain.get("export")
    if out is not None:
        export.checked(str(out))
    with claimed(record.folder, patience):
        if description.plain["force"] or not _is_done(record, description, reporter):
            from hybridfuse.training import train

            code = train(description.config, record, reporter, data)
            if code:
                return code
        return 0 if out is None else _exported(record, str(out), reporter)


def _exported(record: Record, out: str, reporter: Reporter) -> int:
    """Makes a file of the network of a run that is done; 0 if that could be, else 1."""
    try:
        reporter.exported(export.after_run(record.folder, out))
    except ValueError as error:
        reporter.failed(record, str(error))
        return 1
    return 0


def _is_done(record: Record, description: Description, reporter: Reporter) -> bool:
    """Whether the same configuration ran before, on the same data; says so."""
    earlier = record.earlier()
    if earlier is None:
        return False
    if earlier.get("status") != "done":
        reporter.again(earlier)
        return False
    for option, checksum in (("path", "sha256"), ("links", "links_sha256")):
        path = description.plain["data"].get(option)
        if path is not None and Path(path).is_file() and file_checksum(Path(path)) != earlier["data"][checksum]:
            raise CommandError(f"{path} has changed since this run was done in {record.folder}; rerun with force=true.")
    reporter.already_done(record, earlier)
    return True
