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
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


def full(
    function: Callable[Concatenate[Tensor, Parameters], Tensor],
) -> Callable[Concatenate[Tensor, Parameters], Tensor]:
    """Lets a function of items see float32 where they are bfloat16 or float16, whose sums have 3 digits at best.

    Automatic mixed precision is off inside, for the same reason.
    """

    @functools.wraps(function)
    def widened(items: Tensor, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Tensor:
        wide = items.float() if items.dtype in HALF else items
        with without_autocast(items.device):
            return function(wide, *args, **kwargs).to(items.dtype)

    return widened
