"""A network as a table: what each layer takes, and by which way each function of a hybrid is applied."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hybridfuse.discovery import snake_case
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.plan import Counter, short, steps

_Line = tuple[str, str, str, str]
_HEAD: _Line = ("layer", "output", "parameters", "flop")


class _Call(NamedTuple):
    """What a module did with a batch, and at how many flops it began and ended."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    flops: int


def text(network: nn.Module, x: Float[Tensor, "b m"]) -> str:
    """The table, for one batch forward.

    Flops are counted as `HybridInterdependence.explain` counts them; they include what is computed once and kept.

    Raises:
        ValueError, RuntimeError: if the batch does not go through the network.
    """
    layers = {name: layer for name, layer in _layers(network) if _matters(layer)}
    calls, total = _called(network, x, layers.values())
    lines: list[_Line] = [_HEAD]
    for number, layer in enumerate(layers.values()):
        call = calls[layer]
        sizes = " × ".join(map(str, call.output.shape))
        lines.append((f"{number} {snake_case(type(layer).__name__)}", sizes, _parameters(layer), short(call.flops)))
        lines += [(f"  {line}", "", "", "") for line in _ways(layer, calls)]
    lines.append(("all", "", _parameters(network), short(total)))
    return _aligned(lines)


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    layers = getattr(network, "layers", None)
    return (layers if isinstance(layers, nn.Sequential) else network).named_children()


def _matters(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters()) or any(isinstance(m, HybridInterdependence) for m in layer.modules())


def _called(network: nn.Module, x: Tensor, layers: Any) -> tuple[dict[nn.Module, _Call], int]:
    """The calls of layers and of hybrids for a batch, and all flops."""
    calls: dict[nn.Module, _Call] = {}
    began: dict[nn.Module, int] = {}
    watched = [*layers, *(module for module in network.modules() if isinstance(module, HybridInterdependence))]
    training = network.training
    network.eval()
    handles: list[RemovableHandle] = []
    try:
        with torch.no_grad(), Counter() as counter:

            def before(module: nn.Module, inputs: Any) -> None:
                began[module] = counter.flops

            def after(module: nn.Module, inputs: Any, options: dict[str, Any], output: Tensor) -> None:
                given = (*inputs, *options.values())
                calls[module] = _Call(given, output, counter.flops - began[module])

            for module in watched:
                handles.append(module.register_forward_pre_hook(before))
                handles.append(module.register_forward_hook(after, with_kwargs=True))
            network(x)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return calls, counter.flops


def _ways(layer: nn.Module, calls: dict[nn.Module, _Call]) -> Iterator[str]:
    """A line for each hybrid of a layer, and one for each of its functions."""
    for hybrid in layer.modules():
        if isinstance(hybrid, HybridInterdependence) and hybrid in calls:
            call = calls[hybrid]
            post = f", {snake_case(type(hybrid.postprocess).__name__)}" if hybrid.postprocess is not None else ""
            yield f"{hybrid.interdependence_type}: {hybrid.fusion_function.name}{post}, {short(call.flops)}flop"
            columns = (
                call.inputs[0].shape[0] if hybrid.interdependence_type == "attribute" else call.inputs[-1].shape[1]
            )
            for step in steps(hybrid, hybrid.items_of(call.inputs[0]), columns):
                yield f"{'  ' * (step.depth + 1)}{step.part}: {step.way}"


def _parameters(module: nn.Module) -> str:
    return f"{sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad):,}"


def _aligned(lines: list[_Line]) -> str:
    plain = [line for line in lines if line[1] or line[2]]
    widths = [max(len(line[place]) for line in plain) for place in range(len(_HEAD))]
    return "\n".join(_line(line, widths).rstrip() for line in lines)


def _line(line: _Line, widths: list[int]) -> str:
    name, *others = line
    return "  ".join(
        [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
    )
