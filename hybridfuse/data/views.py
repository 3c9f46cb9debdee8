"""Views of a data set by their names, in the configuration of a network. Free of torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from hybridfuse import check

VIEW = "hybridfuse.interdependence.view.View"


def resolved(node: Any, views: Mapping[str, slice]) -> Any:
    """A plain configuration in which the `features` of each `View`, where they name a view, are its columns.

    Args:
        node: the configuration, without interpolations; never changed.
        views: which attributes of the data are those of each view.

    Raises:
        ValueError: if there is no view of a name.
    """
    if isinstance(node, Mapping):
        plain = {key: resolved(value, views) for key, value in node.items()}
        if plain.get("_target_") == VIEW and isinstance(plain.get("features"), str):
            place = views[check.choice("features", plain["features"], views)]
            plain["features"] = [[place.start, place.stop]]
        return plain
    if isinstance(node, Sequence) and not isinstance(node, (str, bytes)):
        return [resolved(value, views) for value in node]
    return node
