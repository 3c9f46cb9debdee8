from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import check
from hybridfuse.interdependence.base import Interdependence, InterdependenceType
from hybridfuse.parts import Part, part


class View(Interdependence):
    r"""Relates items by another function that sees some of their features alone, one view of several.

    $$A = \xi(X_{:, F})$$

    In (-inf, inf), or as the function; symmetry and diagonal are those of the function. On the instance axis features
    are the columns of the data, so that a hybrid of views has a function for each group of columns; on the attribute
    axis they are the rows of a batch. It does not stream: on the attribute axis every batch has rows that are in view
    and others that are not.

    Args:
        features: which ones, a list of indices from 0 on and of pairs [start, stop), such as `[[0, 64], 70]`. All by
            default.
        function: the function, by name, as a configuration or as an object; b, m and the type are handed to one that
            is no object, the number of features in view for that of all.

    Raises:
        ValueError: if features are none, or beyond those of an item, or the function is of other sizes or type.
        TypeError: if features are not whole numbers or pairs of them, or something else stands for the function.

    References: Zhao, Xie, Xu, Sun (2017), Multi-view learning overview.
    """

    builds_its_parts = True
    cost = "that of its function"

    def __init__(
        self,
        b: int,
        m: int,
        interdependence_type: InterdependenceType = "attribute",
        features: Sequence[int | Sequence[int]] | None = None,
        function: Part = "cosine_similarity",
    ) -> None:
        super().__init__(b, m, interdependence_type)
        self.features = None if features is None else self._indices(features)
        seen = self.d if self.features is None else len(self.features)
        sizes = (seen, m) if interdependence_type == "attribute" else (b, seen)
        self.function = part("function", function, *sizes, interdependence_type)
        self.index: Tensor | None
        index = None if self.features is None else torch.tensor(self.features)
        self.register_buffer("index", index, persistent=False)

    @property
    def require_data(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the function computes its matrix from x."""
        return self.function.require_data

    def columns(self, n: int) -> int:
        return self.function.columns(n)

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        return self.function.relate(self._seen(items))

    def builds_matrix(self, items: Float[Tensor, "n d"], e: int) -> bool:
        return self.function.builds_matrix(self._seen(items), e)

    def entries(self, items: Float[Tensor, "n d"], pattern: Float[Tensor, "n p"]) -> Float[Tensor, " z"]:
        return self.function.entries(self._seen(items), pattern)

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        return self.function.transform(self._seen(items), transformed)

    def _seen(self, items: Tensor) -> Tensor:
        return items if self.index is None else items.index_select(1, self.index.to(items.device))

    def check_sizes(self, items: Tensor) -> None:
        super().check_sizes(items)
        least = max(self.features or [-1]) + 1
        if items.shape[1] < least:
            raise ValueError(
                f"view needs at least {least} features of an item, got {items.shape[1]}; "
                "on the attribute axis these are the rows of a batch."
            )
        self.function.check_sizes(self._seen(items))

    def _indices(self, features: object) -> list[int]:
        """Indices, pairs [start, stop) written out."""
        if isinstance(features, str) or not isinstance(features, Sequence) or not features:
            raise TypeError(f"features must be a list of at least one index or pair [start, stop), got {features!r}.")
        indices = [index for feature in features for index in _written_out(feature)]
        if max(indices) >= self.d:
            raise ValueError(f"features must be below {self.d}, the features of an item, got {max(indices)}.")
        return indices


def _written_out(feature: object) -> range:
    if isinstance(feature, str) or not isinstance(feature, Sequence):
        start = check.whole("features", feature, least=0)
        return range(start, start + 1)
    if len(feature) != 2:
        raise ValueError(f"features must be indices or pairs [start, stop), got {list(feature)}.")
    start, stop = (check.whole("features", end, least=0) for end in feature)
    if start >= stop:
        raise ValueError(f"features must be pairs [start, stop) with start < stop, got [{start}, {stop}].")
    return range(start, stop)
