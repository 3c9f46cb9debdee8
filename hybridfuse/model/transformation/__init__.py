"""Data transformations κ, each applied to the rows of its input: a class a file, found by its name
(`from hybridfuse.model.transformation import Taylor`)."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package."""
    return discovery.find(sys.modules[__name__], name)
