"""A job from the inside: the process that trains it, whatever engine has started that."""

import signal
import sys
import traceback
from collections.abc import Callable

from hybridfuse.claim import ClaimedError
from hybridfuse.command import CommandError
from hybridfuse.disk import is_full
from hybridfuse.raised import raised, sentence
from hybridfuse.sweep.engine import Ended, Event, Job

Report = Callable[[Event], None]

BY_CTRL_C = "interrupted"
"""What a job says that Ctrl-C has ended; others end as interrupted by no fault of theirs, such as a full disk."""


def run_job(job: Job, report: Report, data: object = None) -> Ended:
    """Runs a job in this process; never raises.

    Args:
        job: what to run.
        report: told of every epoch.
        data: the job's data, where they are read already.
    """
    from hybridfuse.run import run
    from hybridfuse.sweep.reporter import JobReporter

    # A parent in the background hands down that it ignores Ctrl-C, by which jobs are asked to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reporter = JobReporter(job.number, report)
    try:
        run(job.description, reporter, data=data, patience=job.patience)
    except ClaimedError as error:
        return Ended(job.number, "elsewhere", str(error))
    except KeyboardInterrupt:
        return Ended(job.number, "interrupted", BY_CTRL_C)
    except (CommandError, OSError) as error:
        return Ended(job.number, "interrupted" if is_full(error) else "failed", sentence(error))
    except BaseException as error:  # a job must not take its sweep along, whatever it raises
        traceback.print_exception(error, file=sys.stderr)
        return Ended(job.number, "failed", " ".join(raised(error).split()))
    return reporter.ended or Ended(job.number, "done")
