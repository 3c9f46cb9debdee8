"""What every fusion has in common: the checks, the sizes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.discovery import snake_case
from hybridfuse.functional import layout, order


class Fusion(nn.Module, ABC):
    """Makes one matrix (n, p) of several, dense, sparse or mixed; never changes its inputs.

    An author writes `fuse` and `calculate_n`.

    Args:
        dims: columns of each matrix. Needed where parameters depend on their number or sum; a hybrid gives it.

    Raises:
        ValueError: if dims is empty or holds a number below 1.
    """

    symmetric: ClassVar[bool] = False
    """Whether the order of the matrices does not matter: the same result to the last bit, unless an iterator gives them
    and they are let go one by one, where it is the same but for rounding."""
    keeps_one: ClassVar[bool] = False
    """Whether a single matrix is returned as it is, by default at least; what learns counts as changing it."""

    def __init__(self, dims: Sequence[int] | None = None) -> None:
        super().__init__()
        self.name = snake_case(type(self).__name__)
        self.dims = None if dims is None else [check.whole("dims", dim) for dim in dims]
        if self.dims == []:
            raise ValueError("dims must hold the columns of at least one matrix, got [].")

    @abstractmethod
    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        """One matrix of several, which are checked and of one dtype."""

    @abstractmethod
    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        """Columns of the result for matrices with `dims` columns (default: the stored dims).

        Raises:
            ValueError: if there are no dims, or they do not fit together.
        """

    def coefficients(self, k: int) -> Sequence[float | Tensor] | None:
        """The w of the sum w_1 A_1 + … + w_k A_k that the result is, whatever the matrices are; None if it is none."""
        return None

    def gives_sparse(self, sparse: Sequence[bool]) -> bool:
        """Whether the result is sparse, told from which matrices are."""
        return False

    @property
    def require_parameters(self) -> bool:
        """Whether the result depends on learnable parameters."""
        return any(True for _ in self.parameters())

    def calculate_l(self) -> int:
        """Number of learnable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, matrices: Iterable[Tensor], names: Sequence[str] | None = None) -> Float[Tensor, "n p"]:
        """The fused matrix.

        Args:
            matrices: a sequence, or an iterator, whose matrices are let go one by one where the fusion allows.
            names: what messages call the matrices.

        Raises:
            ValueError: if there is no matrix, or shapes do not fit together.
            TypeError: if an input is no matrix.
        """
        if isinstance(matrices, Iterator):
            return self.absorb(matrices, names)
        listed = list(matrices)
        if not listed:
            raise ValueError(f"{self.name} needs at least one matrix, got none.")
        for matrix in listed:
            self.check_matrix(matrix)
        shapes = [(matrix.shape[0], matrix.shape[1]) for matrix in listed]
        self.check_shapes(shapes, names)
        self.calculate_n([columns for _, columns in shapes])
        given = [layout.compressed(matrix) for matrix in listed]
        dtypes = {matrix.dtype for matrix in given}
        if len(dtypes) > 1:
            dtype = reduce(torch.promote_types, dtypes)
            given = [matrix.to(dtype) for matrix in given]
        return self.fuse(order.canonical(given) if self.symmetric else given)

    def absorb(self, matrices: Iterator[Tensor], names: Sequence[str] | None = None) -> Float[Tensor, "n p"]:
        """The fused matrix of what an iterator gives; to be replaced where not all matrices are needed at once."""
        return self.forward(list(matrices), names)

    def check_matrix(self, matrix: object) -> None:
        """TypeError if it is none."""
        if not isinstance(matrix, Tensor) or matrix.ndim != 2:
            got = f"a tensor of {matrix.ndim} axes" if isinstance(matrix, Tensor) else type(matrix).__name__
            raise TypeError(f"{self.name} takes a sequence of matrices, got {got} in it.")

    def check_shapes(self, shapes: Sequence[tuple[int, int]], names: Sequence[str] | None = None) -> None:
        """ValueError if the matrices differ in rows."""
        if any(rows != shapes[0][0] for rows, _ in shapes):
            raise ValueError(f"{self.name} needs matrices with equally many rows, got {listed(shapes, names)}.")

    def _dims(self, dims: Sequence[int] | None) -> Sequence[int]:
        known = self.dims if dims is None else dims
        if not known:
            raise ValueError(f"{self.name} needs dims, the columns of each matrix, got {dims}.")
        return known

    def extra_repr(self) -> str:
        return "" if self.dims is None else f"dims={self.dims}"


class Elementwise(Fusion):
    """Matrices of one shape, reduced entry by entry. An author writes `reduce`."""

    keeps_zero: ClassVar[bool] = True
    """Whether k zeros reduce to zero, so that sparse matrices stay sparse."""
    absorbs_zero: ClassVar[bool] = False
    """Whether one zero is enough, so that one sparse matrix makes the result sparse."""

    @abstractmethod
    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        """One number of k, at each place of parts of one shape and dtype."""

    @property
    def local(self) -> bool:
        """Whether an entry follows from those of the matrices at its place."""
        return type(self).fuse is Elementwise.fuse

    def gives_sparse(self, sparse: Sequence[bool]) -> bool:
        return (self.absorbs_zero and any(sparse)) or (self.keeps_zero and all(sparse))

    def fuse(self, matrices: Sequence[Tensor]) -> Float[Tensor, "n p"]:
        return self.entrywise(matrices, self.reduce)

    def entrywise(self, matrices: Sequence[Tensor], reduce: layout.Reduction) -> Float[Tensor, "n p"]:
        """The matrices reduced where they have entries, all of them unless zeros allow less."""
        sparse = [layout.is_sparse(matrix) for matrix in matrices]
        if any(sparse) and self.absorbs_zero:
            return layout.reduce_intersection(matrices, reduce)
        if all(sparse) and self.keeps_zero:
            return layout.reduce_union(matrices, reduce)
        return reduce([layout.dense(matrix) for matrix in matrices])

    def calculate_n(self, dims: Sequence[int] | None = None) -> int:
        dims = self._dims(dims)
        if len(set(dims)) > 1:
            raise ValueError(self._unequal(f"{', '.join(map(str, dims))} columns"))
        return dims[0]

    def check_shapes(self, shapes: Sequence[tuple[int, int]], names: Sequence[str] | None = None) -> None:
        super().check_shapes(shapes, names)
        if len({columns for _, columns in shapes}) > 1:
            raise ValueError(self._unequal(listed(shapes, names)))

    def _unequal(self, got: str) -> str:
        return f"{self.name} needs matrices of one shape, got {got}; fusion=concatenation takes them side by side."


def listed(shapes: Sequence[tuple[int, ...]], names: Sequence[str] | None) -> str:
    """Shapes, each after its name where there are names."""
    shown = map(str, shapes)
    return ", ".join(shown if names is None else (f"{name} {shape}" for name, shape in zip(names, shown, strict=False)))
