"""Half precision: computed in float32, returned as it came."""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Concatenate, ParamSpec

import torch
from torch import Tensor

Parameters = ParamSpec("Parameters")


def full(
    function: Callable[Concatenate[Tensor, Parameters], Tensor],
) -> Callable[Concatenate[Tensor, Parameters], Tensor]:
    """Lets a function of items see float32 where they are bfloat16 or float16, whose sums have 3 digits at best.

    Automatic mixed precision is off inside, for the same reason.
    """

    @functools.wraps(function)
    def widened(items: Tensor, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Tensor:
        half = items.dtype in (torch.bfloat16, torch.float16)
        device = items.device.type
        with torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext():
            return function(items.float() if half else items, *args, **kwargs).to(items.dtype)

    return widened
