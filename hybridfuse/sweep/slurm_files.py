"""Files by which jobs of SLURM are known and followed, and what can be read of errors. Free of torch."""

from contextlib import suppress
from pathlib import Path

from hybridfuse.sweep.engine import Job


def shared_folder(job: Job) -> Path:
    """Where submitit keeps what it needs and what jobs print."""
    return job.description.folder.parent / "submitit"


def ticket(job: Job) -> Path:
    """What names the job of SLURM that has a job, and its log."""
    return shared_folder(job) / f"{job.description.digest[:10]}.ticket"


def last_words(path: Path) -> str:
    """What stands last in a file, and where that is: the end of a traceback, or what SLURM had against a job."""
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), None)
        if last is not None:
            return f"its last words in {path}: {last}"
    return f"not a word in {path}"


def sentence(error: Exception) -> str:
    """The last line of an error, which of many says the most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
