"""How a hybrid comes to A and to Aᵀ Z: the cheapest exact way that its fusion and its functions allow."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import finite
from hybridfuse.balance.base import Balance
from hybridfuse.functional import csr, layout
from hybridfuse.functional.fused import Fused
from hybridfuse.fusion.base import Elementwise, Fusion
from hybridfuse.fusion.stacking_base import StackingBase
from hybridfuse.named_part import NamedPart
from hybridfuse.postprocess.base import Postprocess

Weight = float | Tensor
APPLIED = "applied by itself"


class Recipe(NamedTuple):
    """What a hybrid is made of, and how A is made of it."""

    parts: Sequence[NamedPart]
    fusion: Fusion
    balance: Balance | None
    postprocess: Postprocess | None
    fused: Fused
    constants: Callable[[Tensor], Sequence[Tensor] | None]
    """Gives all that A of some items follows from, if that is constant."""

    @property
    def sparse(self) -> bool:
        """Whether A is sparse."""
        return self.fusion.gives_sparse([part.function.sparse for part in self.parts])

    @property
    def factors(self) -> Sequence[Weight] | None:
        """What the balance multiplies each matrix by; None if that follows from the matrices."""
        return [1.0] * len(self.parts) if self.balance is None else self.balance.known_factors(len(self.parts))

    @property
    def weights(self) -> Sequence[Weight] | None:
        """The w of A = Σ wᵢ Aᵢ; None if A is no such sum."""
        factors, own = self.factors, self.fusion.coefficients(len(self.parts))
        if self.postprocess is not None or factors is None or own is None:
            return None
        return own if self.balance is None else [a * b for a, b in zip(own, factors, strict=True)]

    @property
    def at_links(self) -> Elementwise | None:
        """The fusion, if A is zero where one of the sparse matrices is; it is computed at their links alone."""
        sparse = any(part.function.sparse for part in self.parts)
        return self._local if sparse and self._local is not None and self._local.absorbs_zero else None

    def product(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        """Aᵀ Z, by the way that leads there."""
        result = self.path(items, transformed.shape[1]).product(self, items, transformed)
        if finite.holds_nan(result):
            for part in self.parts:
                part.check_transform(items, transformed)
        return result

    def path(self, items: Float[Tensor, "n d"], e: int) -> "Path":
        """The way to Aᵀ Z for Z with e columns."""
        return next(path for path in PATHS if path.leads(self, items, e))

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """A."""
        return self.fused(items, lambda: self.constants(items), lambda: self._built(items))

    def _built(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        reduced = self.at_links
        fused = self.whole(items) if reduced is None else self._sampled(reduced, items)
        return fused if self.postprocess is None else self.postprocess(fused)

    def whole(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """The fused matrix, each part built whole."""
        fusion = self.fusion
        # What takes entries alone would make sparse matrices dense itself, each time anew.
        dense = isinstance(fusion, Elementwise) and fusion.local and not self.sparse and self.balance is None
        matrices: Iterator[Tensor] = (part.relate_dense(items) if dense else part.relate(items) for part in self.parts)
        balanced = matrices if self.balance is None else self.balance(matrices)
        return self.fusion(balanced, names=[part.name for part in self.parts])

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"] | None:
        """A where a sparse matrix has entries; None if that takes more than those entries of the parts."""
        if self._local is None or self.postprocess is not None:
            return None
        return self._reduced(self._local, [part.entries(items, pattern) for part in self.parts])

    @property
    def _local(self) -> Elementwise | None:
        """The fusion, if an entry of A follows from those of the parts at its place."""
        fusion = self.fusion
        return fusion if isinstance(fusion, Elementwise) and fusion.local and self.factors is not None else None

    def _sampled(self, fusion: Elementwise, items: Tensor) -> Tensor:
        sparse = [layout.compressed(part.relate(items)) for part in self.parts if part.function.sparse]
        rows, columns, known = layout.intersection(sparse)
        shape = (sparse[0].shape[0], sparse[0].shape[1])
        pattern = sparse[0].detach() if len(sparse) == 1 else csr.from_sorted(rows, columns, known[0].detach(), shape)
        own = iter(known)
        values = [next(own) if part.function.sparse else part.entries(items, pattern) for part in self.parts]
        return csr.with_values(pattern, self._reduced(fusion, values))

    def _reduced(self, fusion: Elementwise, values: Sequence[Tensor]) -> Tensor:
        return fusion.reduce([_times(value, by) for value, by in zip(values, self.factors or [], strict=True)])


class Path(ABC):
    """A way to Aᵀ Z."""

    @abstractmethod
    def leads(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> bool:
        """Whether it leads to the product, at no more than the cost of the ways after it."""

    @abstractmethod
    def product(
        self, recipe: Recipe, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]
    ) -> Float[Tensor, "p e"]:
        """Aᵀ Z."""

    @abstractmethod
    def steps(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> list[str]:
        """What becomes of each part, in words."""


class Summed(Path):
    """A sum of matrices is applied as the sum of their products."""

    def leads(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> bool:
        return recipe.weights is not None

    def product(
        self, recipe: Recipe, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]
    ) -> Float[Tensor, "p e"]:
        return weighted_product(recipe.parts, recipe.weights or [], items, transformed)

    def steps(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> list[str]:
        together = _built_together(recipe.parts, items, e)
        ways = _ways(recipe.parts, items, e)
        return [
            "built and added to the others that are" if own else way for own, way in zip(together, ways, strict=True)
        ]


class Stacked(Path):
    """Matrices side by side are applied one by one; what maps them to fewer columns is applied to what comes out."""

    def leads(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> bool:
        fusion, n = recipe.fusion, len(items)
        if not isinstance(fusion, StackingBase) or recipe.postprocess is not None or recipe.factors is None:
            return False
        built = [part.function for part in recipe.parts if part.function.builds_matrix(items, e)]
        return fusion.saves(n, e, sum(function.columns(n) for function in built))

    def product(
        self, recipe: Recipe, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]
    ) -> Float[Tensor, "p e"]:
        pairs = zip(recipe.parts, recipe.factors or [], strict=True)
        products = torch.cat([_times(part.transform(items, transformed), by) for part, by in pairs])
        return recipe.fusion.mapped(products) if isinstance(recipe.fusion, StackingBase) else products

    def steps(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> list[str]:
        return _ways(recipe.parts, items, e)


class Built(Path):
    """A is built and applied."""

    def leads(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> bool:
        return True

    def product(
        self, recipe: Recipe, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]
    ) -> Float[Tensor, "p e"]:
        return layout.product(recipe.matrix(items), transformed)

    def steps(self, recipe: Recipe, items: Float[Tensor, "n d"], e: int) -> list[str]:
        elsewhere = "built" if recipe.at_links is None else "computed at the links alone"
        return ["built, sparse" if part.function.sparse else elsewhere for part in recipe.parts]


BUILT = Built()
PATHS: tuple[Path, ...] = (Summed(), Stacked(), BUILT)


def weighted_product(
    parts: Sequence[NamedPart],
    weights: Sequence[Weight],
    items: Float[Tensor, "n d"],
    transformed: Float[Tensor, "n e"],
) -> Float[Tensor, "p e"]:
    r"""$\sum_i w_i A_i^\top Z$; matrices that would be built are added up, and applied once."""
    total: Tensor | None = None
    matrix: Tensor | None = None
    together = _built_together(parts, items, transformed.shape[1])
    for part, weight, built in zip(parts, weights, together, strict=True):
        if built:
            matrix = _added(matrix, layout.dense(part.relate(items)), weight)
        else:
            total = _added(total, part.transform(items, transformed), weight)
    if matrix is not None:
        total = _added(total, layout.product(matrix, transformed), 1.0)
    if total is None:
        raise ValueError("a weighted product must be of at least one function, got none.")
    return total


def _ways(parts: Sequence[NamedPart], items: Tensor, e: int) -> list[str]:
    return ["built and applied" if part.function.builds_matrix(items, e) else APPLIED for part in parts]


def _built_together(parts: Sequence[NamedPart], items: Tensor, e: int) -> list[bool]:
    """Which matrices are built and added up: a single one is not."""
    built = [part.function.builds_matrix(items, e) for part in parts]
    return built if sum(built) > 1 else [False] * len(built)


def _added(total: Tensor | None, term: Tensor, weight: Weight) -> Tensor:
    if total is None:
        return _times(term, weight)
    if isinstance(weight, Tensor):
        return torch.addcmul(total, term, weight.to(term.dtype))
    return torch.add(total, term, alpha=weight)


def _times(matrix: Tensor, factor: Weight) -> Tensor:
    if isinstance(factor, Tensor):
        return matrix * factor.to(matrix.dtype)
    return matrix if factor == 1.0 else matrix * factor
