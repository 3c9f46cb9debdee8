"""Interdependence functions ξ: a class a file, found by its name (`from hybridfuse.interdependence import Chain`)."""

import sys
from typing import Any

from hybridfuse import discovery


def __getattr__(name: str) -> Any:
    """Any class of this package, the base `Interdependence`, and the hybrid under both of its names."""
    if name in ("HybridInterdependence", "hybrid_interdependence"):
        from hybridfuse.hybrid import HybridInterdependence

        return HybridInterdependence
    return discovery.find(sys.modules[__name__], name)
