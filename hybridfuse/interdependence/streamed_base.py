"""A that follows from a summary of the items: it can be computed from the whole training set, batch by batch."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse import distributed
from hybridfuse.functional import layout, precision
from hybridfuse.functional.stored import Stored
from hybridfuse.functional.summary import Summary
from hybridfuse.interdependence.base import Interdependence, InterdependenceType


class StreamedBase(Interdependence):
    """A is of the batch at hand, or, on the attribute axis, of reference data that `fit_reference` was given.

    An author writes `summary` and `from_summary`. The matrix of reference data is kept as a buffer.
    """

    streams = True

    def __init__(self, b: int, m: int, interdependence_type: InterdependenceType = "attribute") -> None:
        super().__init__(b, m, interdependence_type)
        self.reference: Stored | None = None

    @abstractmethod
    def summary(self, items: Float[Tensor, "n d"]) -> Summary:
        """What A follows from, for some or all features of the items."""

    @abstractmethod
    def from_summary(self, summary: Any) -> Float[Tensor, "n n"]:
        """A from the summary of all features."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        if self.reference is not None:
            return layout.like(self.reference(), items)
        return precision.in_full(self._of_batch, items)

    def constants(self, items: Float[Tensor, "n d"]) -> list[Tensor] | None:
        return None if self.reference is None else [self.reference.values]

    def fit_reference(self, batches: Iterable[Tensor]) -> None:
        """From now on A is that of all rows of the batches (b, m), whatever x is; computed in float64.

        Under `torch.distributed` it is of the rows of all processes. Nothing is kept of the rows but a summary.

        Raises:
            ValueError: on the instance axis, for a function with learnable parameters, and without rows.
        """
        fit_references([self], batches)

    def _of_batch(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return self.from_summary(self.summary(items))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **options: Any) -> None:
        """Makes room for the reference of a state, which a function that has just been built has none of."""
        values, *indices = (state_dict.get(f"{prefix}reference.{name}") for name in Stored.PIECES)
        self.reference = None if values is None else Stored.of_pieces((self.n, self.p), values, *indices)
        super()._load_from_state_dict(state_dict, prefix, *args, **options)


def fit_references(functions: Sequence[StreamedBase], batches: Iterable[Tensor]) -> None:
    """`fit_reference` of several functions of the same data, which is read once."""
    for function in functions:
        if function.interdependence_type != "attribute":
            raise ValueError(f"{function.name} on the instance axis relates the rows of a batch and has no reference.")
        if function.require_parameters:
            raise ValueError(f"{function.name} has learnable parameters, so its A cannot be kept; use reference=batch.")
    totals: list[Any] = [None] * len(functions)
    with torch.no_grad():
        x = torch.empty(0)
        for x in batches:
            # Apple's GPUs have no float64.
            wide = x.to("cpu" if x.device.type == "mps" else x.device, torch.float64)
            parts = [function.summary(function.items_of(wide)) for function in functions]
            totals = [part if total is None else total.merge(part) for part, total in zip(parts, totals, strict=True)]
        for function, total in zip(functions, map(distributed.together, totals), strict=True):
            if total is None:
                raise ValueError(f"{function.name} needs reference data in every process, got no rows.")
            function.reference = Stored(layout.like(function.from_summary(total), x))
