from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.functional import kernel
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.named_part import NamedPart
from hybridfuse.parts import Part, part
from hybridfuse.path import weighted_product


class KernelMixture(Interdependence):
    r"""Relates items by a weighted sum of other functions.

    $$A = \sum_r v_r \xi_r(X)$$

    In (-inf, inf); range, symmetry and diagonal follow from the functions; a sum of positive semi-definite ones with
    weights of at least 0 is so, too. A sparse matrix if all of them are. Each function that streams does so here.

    Args:
        kernels: the functions, by name, as configurations or as objects; b, m and the type are handed to those that
            are not objects. At least one.
        weights: v_r, a number for each; as a list, tuple, tensor or array. 1 / R each by default.

    Raises:
        ValueError: if there are no functions, or one of another type, number of items or columns, or if weights are
            not as many, or not finite.
        TypeError: if something else stands for a function.

    References: RPN 2 (2024), arXiv 2411.11162, hybrid kernels.
    """

    builds_its_parts = True
    cost = "that of its functions"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        kernels: Sequence[Part] | None = None,
        weights: Sequence[float] | Tensor | None = None,
    ) -> None:
        super().__init__(b, m, interdependence_type)
        if isinstance(kernels, str) or not isinstance(kernels, Sequence) or not len(kernels):
            raise ValueError(f"kernels must be a list of at least one function, got {kernels!r}.")
        self.kernels = nn.ModuleList(part("kernels", given, b, m, interdependence_type) for given in kernels)
        count = len(self.kernels)
        self.weights = [1.0 / count] * count if weights is None else check.numbers("weights", weights)
        if len(self.weights) != count:
            raise ValueError(f"weights must be one for each of {count} kernels, got {len(self.weights)}.")
        columns = [function.columns(self.n) for function in self.functions]
        if len(set(columns)) > 1:
            raise ValueError(f"kernels must have equally many columns, got {', '.join(map(str, columns))}.")

    @property
    def functions(self) -> list[Interdependence]:
        """The functions in their order."""
        return list(self.kernels)  # pyright: ignore[reportReturnType]

    @property
    def require_data(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether any function computes its matrix from x."""
        return any(function.require_data for function in self.functions)

    def columns(self, n: int) -> int:
        return self.functions[0].columns(n)

    def leaves(self) -> Iterator[Interdependence]:
        for function in self.functions:
            yield from function.leaves()

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        return kernel.mixture([function.relate(items) for function in self.functions], self.weights)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        parts = [NamedPart(self.name, function.name, function) for function in self.functions]
        return weighted_product(parts, self.weights, items, transformed)

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        return all(function.builds_matrix(items, e) for function in self.functions)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
        parts = torch.stack([function.entries(items, pattern) for function in self.functions])
        return items.new_tensor(self.weights) @ parts
