"""Tables, as splits and batches: a class a file, found by its name (`from hybridfuse.data import CsvData`)."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package, the bases `Data`, `TableData` and `FileData` included."""
    return discovery.find(sys.modules[__name__], name)
