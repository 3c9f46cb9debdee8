from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class Kernel(Interdependence):
    r"""Relates items by a function of two items that is your own.

    $$A_{ij} = f(x_i, x_j)$$

    In (-inf, inf), or as the function states; gradients are those of the function, too. It is applied by `torch.vmap`
    to some rows of A at a time, so it must be made of torch's functions, without branches on values; memory is that
    of the block, in the backward pass, too. It does not stream: not every function of two items can be computed from
    some features at a time.

    Args:
        function: of two tensors (d,), a tensor of one number. In a configuration
            `{_target_: mypackage.f, _partial_: true}`, of a package that `HYBRIDFUSE_ALLOW` names.
        symmetric: whether the function does not see the order of its items; then it is applied to half of the pairs.

    Raises:
        TypeError: if the function cannot be called.
        ValueError: from `calculate_A` and `forward`, if it does not give one number.

    References: RPN 2 (2024), arXiv 2411.11162, numerical and statistical kernels.
    """

    cost = "n² times that of the function"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        function: kernel.Pairwise | None = None,
        symmetric: bool = False,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        if function is None or not callable(function):
            raise TypeError(f"function must be a function of two items, got {function!r}.")
        self.function = function
        self.symmetric = check.truth("symmetric", symmetric)

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return kernel.of_pairs(items, self.function, self.symmetric)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n n"]) -> Float[Tensor, " z"]:
        return kernel.of_links(items, self.function, self.symmetric, pattern)
