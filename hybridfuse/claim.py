"""One process at a time at a run: a lease beside its folder, refreshed while it is held. Free of torch."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLease, Timeout

from hybridfuse.command import CommandError

LEASE = 30.0
"""Seconds after which a lease that nobody refreshes may be taken; of a dead process of this machine it is at once."""


class ClaimedError(CommandError):
    """Another process holds the run."""


@contextmanager
def claimed(folder: Path, patience: float = 0.0) -> Generator[None, None, None]:
    """Holds a run's folder, which need not exist, from the first line to the last.

    Args:
        folder: the run's folder; the lease is a file of its name and `.lock` beside it.
        patience: seconds to wait for it; the lease of a machine that is gone is had after `LEASE`.

    Raises:
        ClaimedError: if another process holds it.
        OSError: if nothing can be written there.
    """
    missing = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    lease = SoftFileLease(lock_path(folder), lease_duration=LEASE, timeout=patience)
    try:
        lease.acquire(poll_interval=0.5)
    except Timeout as error:
        raise ClaimedError(f"this run is at work in another process: {folder}.") from error
    try:
        yield
    finally:
        lease.release()
        with suppress(OSError):  # what nothing was written to does not stay
            for parent in missing:
                parent.rmdir()


def lock_path(folder: Path) -> Path:
    """Where the lease of a run lies while it is held."""
    return folder.with_name(f"{folder.name}.lock")
