"""Where a network first leaves the finite numbers."""

import torch
from torch import Tensor, nn


def first_non_finite(network: nn.Module, x: Tensor) -> str:
    """The part of a network whose output is first not finite for a batch, and whether its parameters are why."""
    found: list[str] = []
    names = {module: name for name, module in network.named_modules() if name}

    def watch(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        if isinstance(output, Tensor) and not found and not torch.isfinite(_entries(output)).all():
            found.append(names[module])

    handles = [module.register_forward_hook(watch) for module in names]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    broken = [name for name, parameter in network.named_parameters() if not torch.isfinite(parameter).all()]
    if broken:
        return f"{broken[0]}, a parameter that the last update made non-finite"
    return found[0] if found else "the loss itself"


def _entries(output: Tensor) -> Tensor:
    return output if output.layout == torch.strided else output.values()
