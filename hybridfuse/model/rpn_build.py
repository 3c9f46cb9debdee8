"""Builds the layers of a network from their settings."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import nn

from hybridfuse import check
from hybridfuse.fusion.base import Fusion
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.instantiate import Config, instantiate
from hybridfuse.model.layer_settings import LayerSettings
from hybridfuse.model.rpn_channels import RpnChannels
from hybridfuse.model.rpn_heads import RpnHeads
from hybridfuse.model.rpn_layer import RpnLayer
from hybridfuse.model.transformation.base import Transformation
from hybridfuse.reconciliation.base import Reconciliation

MEAN = {"_target_": "hybridfuse.fusion.mean.Mean"}


class Place(NamedTuple):
    """Where a layer stands in a network, and what it is given there."""

    number: int
    b: int
    m: int
    outputs: int
    links: Any


def layer(settings: LayerSettings, place: Place) -> RpnLayer | RpnHeads:
    """A head, or several that are joined.

    Raises:
        ValueError: if a part refuses its sizes, or a fusion makes another number of outputs.
    """
    if settings.heads == 1:
        return _head(settings, place)
    fusion, each = _joint("head_fusion", settings.head_fusion, settings.heads, place)
    return RpnHeads([_head(settings, place._replace(outputs=each)) for _ in range(settings.heads)], fusion)


def between(settings: LayerSettings, width: int) -> list[nn.Module]:
    """What follows a layer of so many outputs that is not the last."""
    normalization = [] if settings.normalization is None else [instantiate(settings.normalization)(width)]
    return [*normalization, instantiate(settings.activation), nn.Dropout(settings.dropout)]


def _head(settings: LayerSettings, place: Place) -> RpnLayer:
    built = {hybrid.interdependence_type: hybrid for hybrid in _hybrids(settings, place)}
    attribute, instance = built.get("attribute"), built.get("instance")
    m = place.m if attribute is None else attribute.calculate_m_prime()
    kappa = _kappa(settings, place, m)
    psi = _psi(settings, place, kappa.width)
    pi = instantiate(settings.remainder, {"m": place.m, "outputs": place.outputs})
    bias = settings.bias and isinstance(psi, Reconciliation)
    dropouts = settings.input_dropout, settings.instance_dropout
    return RpnLayer(kappa, psi, pi, attribute, instance, bias, *dropouts)


def _kappa(settings: LayerSettings, place: Place, m: int) -> Transformation:
    """The transformation of a layer, of which others than the first have attributes that the network makes."""
    try:
        return instantiate(settings.transformation, {"m": m})
    except ValueError as error:
        if not place.number:
            raise
        sentence = str(error).rstrip(".")
        raise ValueError(
            f"layer {place.number}: {sentence}; its attributes are the outputs of layer {place.number - 1}, of which "
            f"model.hidden=[16] makes few, and '+transformation@model.layers.{place.number}.transformation=identity' "
            "leaves them as they are."
        ) from error


def _psi(settings: LayerSettings, place: Place, columns: int) -> Reconciliation | RpnChannels:
    if settings.channels == 1:
        return instantiate(settings.reconciliation, {"rows": place.outputs, "columns": columns})
    fusion, each = _joint("channel_fusion", settings.channel_fusion, settings.channels, place)
    sizes = {"rows": each, "columns": columns}
    channels = [instantiate(settings.reconciliation, sizes) for _ in range(settings.channels)]
    return RpnChannels(channels, fusion, settings.bias)


def _joint(name: str, config: Config | None, parts: int, place: Place) -> tuple[Fusion, int]:
    """A fusion of several parts to the outputs of a place, and the outputs of each.

    All outputs each, or, where the fusion puts parts side by side, a share of them.
    """
    made: list[str] = []
    for each in {place.outputs: None, max(place.outputs // parts, 1): None}:
        fusion = check.kind(name, instantiate(config or MEAN, {"dims": [each] * parts}), Fusion)
        fusion.check_shapes([(place.b, each)] * parts)
        if fusion.calculate_n() == place.outputs:
            return fusion, each
        made.append(f"{fusion.calculate_n()} of {parts} times {each}")
    raise ValueError(
        f"{name} of layer {place.number} must make {place.outputs} outputs, got {' or '.join(made)}; "
        f"use another fusion there, or as many outputs as {parts} divides."
    )


def _hybrids(settings: LayerSettings, place: Place) -> list[HybridInterdependence]:
    configs = [
        config
        for config in (settings.hybrid, settings.second_hybrid)
        if config and config["interdependence_function_configs"]
    ]
    given: Mapping[str, Any] = {"b": place.b, "m": place.m, "links": place.links}
    try:
        hybrids: list[HybridInterdependence] = [instantiate(config, given) for config in configs]
    except ValueError as error:
        if not place.number:
            raise
        sentence = str(error).rstrip(".")
        raise ValueError(
            f"layer {place.number} with {place.m} attributes: {sentence}; "
            f"model.hybrid_layers={place.number} leaves it without a hybrid."
        ) from error
    if len({hybrid.interdependence_type for hybrid in hybrids}) < len(hybrids):
        raise ValueError(
            f"the hybrids of layer {place.number} must be of both types, got {hybrids[0].interdependence_type} twice."
        )
    for hybrid in hybrids:
        if hybrid.calculate_b_prime() != place.b:
            raise ValueError(
                f"a network on the instance axis must keep the {place.b} rows of a batch, got "
                f"{hybrid.calculate_b_prime()} from {hybrid.fusion_function.name} of {', '.join(hybrid.functions)}; "
                "use another fusion."
            )
    return hybrids
