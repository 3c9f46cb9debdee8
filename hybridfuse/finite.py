"""Where a network first leaves the finite numbers."""

import contextlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class NotANumberError(ValueError):
    """Somewhere there is NaN."""


def first_non_finite(network: nn.Module, x: Tensor) -> str:
    """The part of a network whose output is first not finite for a batch, and whether its parameters are why."""
    found: list[str] = []
    names = {module: name for name, module in network.named_modules() if name}

    def watch(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        if isinstance(output, Tensor) and not found and not torch.isfinite(_entries(output)).all():
            found.append(names[module])

    handles = [module.register_forward_hook(watch) for module in names]
    try:
        with torch.no_grad(), contextlib.suppress(NotANumberError):
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    broken = [name for name, parameter in network.named_parameters() if not torch.isfinite(parameter).all()]
    if broken:
        return f"{broken[0]}, a parameter that the last update made non-finite"
    return found[0] if found else "the loss itself"


def checked(function: nn.Module, result: Tensor, given: Sequence[Tensor]) -> Tensor:
    """What a function gives, or NotANumberError if it holds NaN, which says whether input or parameters did before."""
    if not holds_nan(result):
        return result
    if any(map(holds_nan, given)):
        raise NotANumberError("x must hold numbers, got NaN.")
    broken = [name for name, parameter in function.named_parameters() if not torch.isfinite(parameter).all()]
    cause = f"; its parameter {broken[0]} is not finite" if broken else ""
    raise NotANumberError(f"{function.name} must give numbers, got NaN{cause}.")


def holds_nan(tensor: Tensor) -> bool:
    """Whether a tensor, dense or sparse, is known to hold NaN: not without numbers, and not while it is compiled."""
    if tensor.is_meta or torch.compiler.is_compiling():
        return False
    entries = _entries(tensor.detach())
    # A sum is read once and nothing is written; of infinite numbers it may be NaN as well.
    return math.isnan(entries.sum().item()) and bool(entries.isnan().any())


def _entries(output: Tensor) -> Tensor:
    return output if output.layout == torch.strided else output.values()
