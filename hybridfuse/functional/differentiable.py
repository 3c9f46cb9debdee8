"""Functions with gradients of their own."""

from collections.abc import Callable
from typing import Any

import torch

transforms_active: Callable[[], bool] = getattr(
    torch._C,  # pyright: ignore[reportPrivateUsage]
    "_are_functorch_transforms_active",
    lambda: True,
)
"""Whether a transform of torch.func, such as vmap, is at work; taken for granted where torch does not tell."""


class Function(torch.autograd.Function):
    """torch's without its search for defaults of arguments, 14 of 19 microseconds of a call; `forward` has none here.

    Where no gradient is recorded a call is `forward`.
    """

    @classmethod
    def apply(cls, *args: Any) -> Any:
        if transforms_active():
            return super().apply(*args)
        if not torch.is_grad_enabled():
            return cls.forward(*args)
        return super(torch.autograd.Function, cls).apply(*args)  # pyright: ignore[reportAttributeAccessIssue]
