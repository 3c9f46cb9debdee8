"""A matrix that is made of constant ones: built once, as long as they stay."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional.differentiable import transforms_active
from hybridfuse.functional.stored import Derived


class Fused:
    """Keeps what is built from constant tensors; a copy, as for another process, builds it again."""

    def __init__(self) -> None:
        self._kept: Derived[Tensor] = Derived()

    def __call__(
        self,
        items: Float[Tensor, "n d"],
        constants: Callable[[], Sequence[Tensor] | None],
        build: Callable[[], Tensor],
    ) -> Float[Tensor, "n p"]:
        """The matrix in the dtype and on the device of some items.

        Args:
            items: those that it relates.
            constants: gives all that it follows from beside them; None if that is not constant.
            build: makes it, without a gradient if there are constants.
        """
        found = None if _is_unusual(items) else constants()
        if found is None:
            return build()
        # Some fusions go another way, which rounds otherwise, where gradients are on.
        graded = torch.is_grad_enabled()
        return self._kept.of_all(found, torch.set_grad_enabled(graded)(build), items.dtype, items.device, graded)


def _is_unusual(items: Tensor) -> bool:
    """Whether what is built now may be no matrix for later: one without numbers, or of another precision."""
    mixed = torch.amp.is_autocast_available(items.device.type) and torch.is_autocast_enabled(items.device.type)
    return items.is_meta or mixed or torch.compiler.is_compiling() or transforms_active()
