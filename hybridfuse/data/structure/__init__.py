"""What can be planted in synthetic data: links of items, a class a file, found by its name."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package, the base `Structure` included."""
    return discovery.find(sys.modules[__name__], name)
