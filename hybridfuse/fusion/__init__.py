"""Fusions of matrices: a class a file, found by its name (`from hybridfuse.fusion import Mean`)."""

import sys

from hybridfuse import discovery


def __getattr__(name: str) -> object:
    """Any class of this package, the bases `Fusion` and `Elementwise`, and `Mean` as `mean_fusion`."""
    if name == "mean_fusion":
        return discovery.find(sys.modules[__name__], "Mean")
    if name in ("Fusion", "Elementwise"):
        from hybridfuse.fusion import base

        return getattr(base, name)
    return discovery.find(sys.modules[__name__], name)
