"""Parameter reconciliations ψ: a class a file, found by its name (`from hybridfuse.reconciliation import Lowrank`)."""

import sys

from hybridfuse import discovery


def __getattr__(name: str) -> object:
    """Any class of this package."""
    return discovery.find(sys.modules[__name__], name)
