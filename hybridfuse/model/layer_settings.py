"""What each layer of a network is made of: what all have in common, and what one of them has otherwise."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hybridfuse import check
from hybridfuse.instantiate import Config

Changes = Mapping[int | str, Mapping[str, Any] | None] | Sequence[Mapping[str, Any] | None]
"""Settings of some layers: by the number of the layer, from 0, or of the first ones in order."""

_HYBRIDS = ("hybrid", "second_hybrid")
_OF_THE_FIRST = ("input_dropout", "instance_dropout")
_FOLLOW = ("activation", "normalization", "dropout")


@dataclasses.dataclass(frozen=True)
class LayerSettings:
    """The settings of a layer; the names of its fields are those that a layer can be given."""

    transformation: Config
    reconciliation: Config
    remainder: Config
    activation: Config
    hybrid: Config | None
    second_hybrid: Config | None
    normalization: Config | None
    dropout: float
    bias: bool
    channels: int
    channel_fusion: Config | None
    heads: int
    head_fusion: Config | None
    input_dropout: float = 0.0
    instance_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dropout", "input_dropout", "instance_dropout"):
            check.fraction(name, getattr(self, name))
        check.truth("bias", self.bias)
        check.whole("channels", self.channels)
        check.whole("heads", self.heads)

    def changed(self, changes: Mapping[str, Any]) -> "LayerSettings":
        """Settings with some others; a configuration without a class changes parameters of the one that is there."""
        return dataclasses.replace(self, **{name: _merged(getattr(self, name), new) for name, new in changes.items()})


def of_layers(
    common: LayerSettings, changes: Changes | None, count: int, hybrid_layers: int | None
) -> list[LayerSettings]:
    """The settings of each of `count` layers, of which so many, from the first, have hybrids unless they say so.

    Dropouts of what comes in are those of the first layer, unless others say so.

    Raises:
        ValueError: if there is no such layer, or it has no such setting.
        TypeError: if the settings of a layer are no mapping.
    """
    related = count if hybrid_layers is None else check.whole("hybrid_layers", hybrid_layers, least=0)
    given = _by_number(changes, count)
    settings: list[LayerSettings] = []
    for number in range(count):
        chosen = given.get(number, {})
        absent: dict[str, Any] = dict.fromkeys(_HYBRIDS) if number >= related else {}
        absent |= dict.fromkeys(_OF_THE_FIRST, 0.0) if number else {}
        only = {name: nothing for name, nothing in absent.items() if name not in chosen}
        settings.append(dataclasses.replace(common.changed(chosen), **only))
    return settings


def _by_number(changes: Changes | None, count: int) -> dict[int, Mapping[str, Any]]:
    if isinstance(changes, str) or not isinstance(changes, (Mapping, Sequence, type(None))):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"layers must be a list or a mapping of settings, got {changes!r}.")
    listed = changes if isinstance(changes, Mapping) else dict(enumerate(changes or ()))
    known = [str(number) for number in range(count)]
    numbered = {int(check.choice("the number of a layer", str(key), known)): of or {} for key, of in listed.items()}
    for number, settings in numbered.items():
        _check_names(number, settings, number == count - 1)
    return numbered


def _check_names(number: int, settings: object, is_last: bool) -> None:
    if not isinstance(settings, Mapping):
        raise TypeError(f"the settings of layer {number} must be a mapping, got {settings!r}.")
    names = [field.name for field in dataclasses.fields(LayerSettings) if not (is_last and field.name in _FOLLOW)]
    for name in settings:
        check.choice(f"a setting of layer {number}{', the last,' if is_last else ''}", name, names)


def _merged(known: object, new: object) -> object:
    if isinstance(known, Mapping) and isinstance(new, Mapping) and not {"_target_", "function_class"} & set(new):
        return {**known, **new}
    return new
