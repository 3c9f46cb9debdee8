"""Half precision: computed in float32, returned as it came."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

Parameters = ParamSpec("Parameters")

HALF = (torch.bfloat16, torch.float16)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Automatic mixed precision off, on devices that know it."""
    known = torch.amp.is_autocast_available(device.type)
    enabled = known and torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if enabled else nullcontext()


def widest(items: Tensor) -> Tensor:
    """In float64, but for Apple's GPUs, which have none."""
    return items if items.device.type == "mps" else items.double()


def full(
    function: Callable[Concatenate[Tensor, Parameters], Tensor],
) -> Callable[Concatenate[Tensor, Parameters], Tensor]:
    """Lets a function of items see float32 where they are bfloat16 or float16, whose sums have 3 digits at best.

    Automatic mixed precision is off inside, for the same reason.
    """

    return functools.update_wrapper(functools.partial(in_full, function), function)


def in_full(
    function: Callable[Concatenate[Tensor, Parameters], Tensor],
    items: Tensor,
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Tensor:
    """What such a function gives."""
    if items.is_cpu and items.dtype not in HALF and not torch.is_autocast_enabled("cpu"):
        result = function(items, *args, **kwargs)  # as below, at a tenth of the overhead
        return result if result.dtype == items.dtype else result.to(items.dtype)
    wide = _widened(items) if items.dtype in HALF else items
    with without_autocast(items.device):
        return _narrowed(function(wide, *args, **kwargs), items.dtype)


def _widened(items: Tensor) -> Tensor:
    """In float32; a gradient beyond the numbers of a smaller range comes back as its end."""
    wide = items.float()
    if wide.requires_grad:
        limits = torch.finfo(items.dtype)
        wide.register_hook(lambda gradient: gradient.clamp(limits.min, limits.max))
    return wide


def _narrowed(result: Tensor, dtype: torch.dtype) -> Tensor:
    """In a dtype of a smaller range, what is beyond it at its end."""
    if dtype in HALF and result.layout == torch.strided:
        result = result.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
    return result.to(dtype)
