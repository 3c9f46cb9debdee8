"""What every interdependence function has in common: the axis, the sizes, the checks, the product with the data."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from hybridfuse import check
from hybridfuse.discovery import snake_case
from hybridfuse.functional import layout

InterdependenceType = Literal["attribute", "instance"]
TYPES: tuple[InterdependenceType, ...] = ("attribute", "instance")


class Interdependence(nn.Module, ABC):
    r"""Turns a data batch X (b, m) into a matrix A that relates its attributes or its instances.

    Rows of `items` are what is related: the attributes (columns of X) for the attribute type, A (m, m'), applied as
    X A; the instances (rows of X) for the instance type, A (b, b'), applied as Aᵀ X. An author of a ξ writes
    `matrix`, and `columns` where A is not square.

    Args:
        b: instances of a batch. Any other number works as well, unless the shape of a parameter depends on it.
        m: attributes.
        interdependence_type: `attribute` or `instance`.

    Raises:
        ValueError: if b or m is below 1, or the type is another.
        TypeError: if b or m is no whole number.
    """

    require_data: bool = True
    """Whether A depends on x."""
    bound_sizes: frozenset[Literal["n", "d"]] = frozenset()
    """Which of n and d the shape of a parameter depends on."""
    any_size: ClassVar[bool] = True
    """Whether a batch may have another number of items than n, as far as no parameter forbids it."""
    differentiable: ClassVar[bool] = True
    """Whether A has a gradient towards x, where it depends on x."""
    sparse: ClassVar[bool] = False
    """Whether A is a sparse (CSR) matrix."""
    streams: ClassVar[bool] = False
    """Whether A can be computed from any number of features, batch by batch."""
    cost: ClassVar[str]
    """Operations to compute A and apply it to d features, such as `n² d`."""

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__()
        check.choice("interdependence_type", interdependence_type, TYPES)
        self.name = snake_case(type(self).__name__)
        self.b = check.whole("b", b)
        self.m = check.whole("m", m)
        self.interdependence_type: InterdependenceType = interdependence_type
        self.n, self.d = (m, b) if interdependence_type == "attribute" else (b, m)

    @abstractmethod
    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """A of the items; where `require_data` is false, only their number, dtype and device count."""

    def columns(self, n: int) -> int:
        """Columns p of A for n items."""
        return n

    @property
    def p(self) -> int:
        """Columns of A for `b` and `m`."""
        return self.columns(self.n)

    @property
    def require_parameters(self) -> bool:
        """Whether A depends on learnable parameters."""
        return any(True for _ in self.parameters())

    def calculate_l(self) -> int:
        """Number of learnable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def calculate_b_prime(self, b: int | None = None) -> int:
        """Instances after A is applied to b (default: the stored b) instances."""
        b = self.b if b is None else b
        return self.columns(b) if self.interdependence_type == "instance" else b

    def calculate_m_prime(self, m: int | None = None) -> int:
        """Attributes after A is applied to m (default: the stored m) attributes."""
        m = self.m if m is None else m
        return self.columns(m) if self.interdependence_type == "attribute" else m

    def calculate_A(self, x: Tensor | None = None, w: Tensor | None = None) -> Float[Tensor, "n p"]:
        """A of a batch: (m, m') for the attribute type, (b, b') for the instance type.

        Args:
            x: the batch, for both types as (b, m); may be left out where `require_data` is false.
            w: `calculate_l()` numbers, in any shape, that stand in for the parameters in this call: one parameter
                after the other, each row by row.

        Raises:
            ValueError: if x is missing or of a wrong shape, or w of a wrong length.
            TypeError: if x is no floating-point tensor.
        """
        if w is not None and not isinstance(w, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"w must be a tensor, got {type(w).__name__}.")
        items = self._items(x, w)
        if w is None:
            return self.relate(items)
        replaced = self._from_flat(w)
        return functional_call(_Relate(self), {f"function.{name}": value for name, value in replaced.items()}, (items,))

    def forward(self, x: Tensor | None = None, kappa_x: Tensor | None = None) -> Tensor:
        """X A for the attribute type, Aᵀ X for the instance type; κ(X), where given, is transformed in the place of X.

        Raises:
            ValueError: if x is missing where A or the product needs it, or the sizes do not fit.
            TypeError: if x or kappa_x is no floating-point tensor.
        """
        x, data = self._given(x, kappa_x)
        return self.transform(x, data) if self.interdependence_type == "instance" else self.transform_rows(x, data)

    def _operands(self, x: Tensor | None, kappa_x: Tensor | None) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n e"]]:
        """The items and what is transformed, of what a call is given."""
        x, data = self._given(x, kappa_x)
        return self._oriented(x), self._oriented(data)

    def _given(self, x: Tensor | None, kappa_x: Tensor | None) -> tuple[Float[Tensor, "b m"], Float[Tensor, "_ _"]]:
        """X, or what stands in for it, and what is transformed, of what a call is given."""
        if kappa_x is None:
            if x is None:
                raise ValueError(f"{self.name} needs x or kappa_x to transform, got neither.")
            x = data = self._checked(x)
        else:
            items = self._items_beside(x, _rows_and_columns(kappa_x))
            x, data = self._oriented(items) if x is None else x, kappa_x
        if x.shape != (self.b, self.m):
            self.check_sizes(self._oriented(x))
        return x, data

    def _items_beside(self, x: Tensor | None, kappa_x: Tensor) -> Float[Tensor, "n d"]:
        of_attributes = self.interdependence_type == "attribute"
        items = self._items(x, kappa_x, self.n if of_attributes else kappa_x.shape[0])
        related = kappa_x.shape[1 if of_attributes else 0]
        if related != items.shape[0]:
            axis = "columns" if of_attributes else "rows"
            raise ValueError(f"kappa_x must have {items.shape[0]} {axis}, got {related}.")
        return items

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        """Aᵀ Z for the matrix of the items and any Z; to be replaced where there is a cheaper exact form.

        What replaces it must not build A, and gives the dtype of Z.
        """
        return layout.product(self.applied(items), transformed)

    def applied(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """A as `transform` takes it, which nobody sees: to be replaced where that is cheaper."""
        return self.relate(items)

    def transform_rows(self, features: Float[Tensor, "d n"], rows: Float[Tensor, "e n"]) -> Float[Tensor, "e p"]:
        """Zᵀ A, for the attribute type: `transform` without the transpositions, which take a share of a small product.

        To be replaced beside it where a cheaper form needs none.
        """
        if type(self).transform is not Interdependence.transform:
            return self.transform(features.mT, rows.mT).mT
        matrix = layout.like(self.applied(features.mT), rows)
        return layout.product(matrix, rows.mT).mT if layout.is_sparse(matrix) else rows @ matrix

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        """Whether `transform` takes Aᵀ Z, for Z with e columns, from a dense A."""
        return not self.sparse and type(self).transform is Interdependence.transform

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
        """A where a sparse matrix has entries, in their order; to be replaced where A need not be built for it."""
        return layout.entries(self.relate(items), pattern)

    def relate(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """`matrix`, its sizes checked before and after; how a ξ is called by what holds it."""
        self.check_sizes(items)
        matrix, n = self.matrix(items), items.shape[0]
        expected = (n, self.columns(n))
        if matrix.shape != expected:
            raise ValueError(f"A of {self.name} must be {expected}, got {tuple(matrix.shape)}.")
        return matrix

    def relate_dense(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """`relate`, dense; to be replaced where a dense form of a sparse A is kept."""
        return layout.dense(self.relate(items))

    def constants(self, items: Float[Tensor, "n d"]) -> list[Tensor] | None:
        """Tensors of its own that A of the items follows from, whatever their numbers are; None if it does not.

        To be replaced where A is kept; no gradient reaches what follows from it then.
        """
        return None

    def leaves(self) -> Iterator["Interdependence"]:
        """The functions of the same items that A is made of: those that it combines, or itself."""
        yield self

    def items_of(self, x: Tensor) -> Float[Tensor, "n d"]:
        """The items of a batch (b, m): its columns for the attribute type, its rows for the instance type."""
        return self._oriented(self._checked(x))

    def extra_repr(self) -> str:
        return f"b={self.b}, m={self.m}, interdependence_type={self.interdependence_type}"

    def _items(self, x: Tensor | None, like: Tensor | None = None, n: int | None = None) -> Tensor:
        """The items of x; without x, n items for a ξ that does not look at them: they take no memory."""
        if x is not None:
            return self.items_of(x)
        if self.require_data:
            raise ValueError(f"{self.name} computes A from the data, so x must be given.")
        own = next((tensor for tensor in (*self.parameters(), *self.buffers()) if tensor.is_floating_point()), None)
        model = like if like is not None else own if own is not None else torch.empty(0)
        return model.new_zeros(()).expand(self.n if n is None else n, self.d)

    def _oriented(self, x: Tensor) -> Tensor:
        """Data to items and back: the only line that knows which axis is related."""
        return x.mT if self.interdependence_type == "attribute" else x

    def _checked(self, x: object) -> Tensor:
        data = _floating("x", x)
        if data.shape == (self.b, self.m):
            return data
        if data.ndim != 2 or data.shape[1] != self.m or not data.shape[0]:
            raise ValueError(f"x must be (b, m) with m = {self.m} for {self.name}, got {tuple(data.shape)}.")
        return data

    def check_sizes(self, items: Float[Tensor, "n d"]) -> None:
        """ValueError if parameters or the function itself are of other sizes."""
        if self.any_size and not self.bound_sizes:
            return
        if not self.any_size and items.shape[0] != self.n:
            raise ValueError(f"{self.name} is of {self.n} items, so a batch must have as many, got {items.shape[0]}.")
        for size, got, bound in (("n", items.shape[0], self.n), ("d", items.shape[1], self.d)):
            if size in self.bound_sizes and got != bound:
                other = next(axis for axis in TYPES if axis != self.interdependence_type)
                remedy = f"axis={other}, or " if len(self.bound_sizes) == 1 else ""
                raise ValueError(
                    f"{self.name} on the {self.interdependence_type} axis has parameters for {bound} rows a batch, "
                    f"got {got}; use {remedy}batches of one size (data.drop_last=true and a "
                    "data.batch_size that divides the rows of validation and test)."
                )

    def _from_flat(self, w: Tensor) -> dict[str, Tensor]:
        if w.numel() != self.calculate_l():
            raise ValueError(f"w must hold the {self.calculate_l()} parameters of {self.name}, got {w.numel()}.")
        named: Sequence[tuple[str, nn.Parameter]] = list(self.named_parameters())
        pieces = w.reshape(-1).split([parameter.numel() for _, parameter in named]) if named else ()
        return {name: piece.view_as(parameter) for (name, parameter), piece in zip(named, pieces, strict=True)}


def _floating(name: str, value: object) -> Tensor:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {getattr(value, 'dtype', type(value).__name__)}.")
    return value


def _rows_and_columns(kappa_x: object) -> Tensor:
    data = _floating("kappa_x", kappa_x)
    if data.ndim != 2:
        raise ValueError(f"kappa_x must have rows and columns, got {tuple(data.shape)}.")
    return data


class _Relate(nn.Module):
    """Gives `functional_call` a forward that is `relate`."""

    def __init__(self, function: Interdependence) -> None:
        super().__init__()
        self.function = function

    def forward(self, items: Tensor) -> Tensor:
        return self.function.relate(items)
