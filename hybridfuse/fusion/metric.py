from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.fusion.base import Elementwise


class Metric(Elementwise):
    r"""Any reduction of one's own.

    $$A = f([A_1, \ldots, A_k])$$

    Dense, since nothing is known of zeros. Whether the order matters is not known, either.

    Args:
        reduction: f, which takes a stack (k, n, p) to (n, p); in a configuration
            `{_target_: mypackage.f, _partial_: true}`, where HYBRIDFUSE_ALLOW names the package.

    Raises:
        TypeError: if reduction is no function.
        ValueError: if it gives another shape.

    References: RPN 2 (2024), arXiv 2411.11162, metric fusion.
    """

    keeps_zero = False

    def __init__(self, dims: Sequence[int] | None = None, reduction: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__(dims)
        if reduction is None or not callable(reduction):
            raise TypeError(
                f"reduction must be a function of a stack (k, n, p), got {reduction!r}; "
                "with HYBRIDFUSE_ALLOW=mypackage, 'fusion.reduction={_target_: mypackage.f, _partial_: true}' does."
            )
        self.reduction = reduction

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        stack = parts if isinstance(parts, Tensor) else torch.stack(list(parts))
        result = self.reduction(stack)
        if not isinstance(result, Tensor) or result.shape != stack.shape[1:]:  # pyright: ignore[reportUnnecessaryIsInstance]
            got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"reduction must give {tuple(stack.shape[1:])}, got {got}.")
        return result
