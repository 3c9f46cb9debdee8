"""What is done to a matrix at the end: a class a file, found by its name (`from hybridfuse.postprocess import Row`)."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package."""
    return discovery.find(sys.modules[__name__], name)
