"""Fusions of matrices: a class a file, found by its name (`from hybridfuse.fusion import Mean`)."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package, the bases `Fusion` and `Elementwise`, and `Mean` as `mean_fusion`."""
    return discovery.find(sys.modules[__name__], "Mean" if name == "mean_fusion" else name)
