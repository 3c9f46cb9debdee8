"""What a process ended of that said nothing of it. Free of torch."""

import signal


def cause(code: int) -> str:
    """The words for an exit code, negative for a signal."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
    return f"ended by itself with exit code {code}"
