"""Rows in batches of a network: how many, and why that matters."""

from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import Interdependence
from hybridfuse.interdependence.streamed_base import StreamedBase

_ENTRIES, _ROWS = 1 << 20, 1 << 12
"""Entries of x at a time, and rows, where it does not matter; hidden layers may be wider than x."""


def relating(network: nn.Module) -> list[str]:
    """Names of the functions by which the prediction of a row depends on the other rows of its batch."""
    return list(dict.fromkeys(leaf.name for leaf in _leaves(network) if _relates_rows(leaf)))


def _leaves(network: nn.Module) -> Iterator[Interdependence]:
    """The functions of all hybrids."""
    for module in network.modules():
        if isinstance(module, HybridInterdependence):
            yield from module.leaves()


def _relates_rows(leaf: Interdependence) -> bool:
    """On the instance axis by definition; on the attribute axis if A is computed from the batch."""
    referenced = isinstance(leaf, StreamedBase) and leaf.reference is not None
    return leaf.interdependence_type == "instance" or (leaf.require_data and not referenced)


def bound(network: nn.Module) -> bool:
    """Whether the network answers batches of one number of rows alone."""
    leaves = list(_leaves(network))
    instance = [leaf for leaf in leaves if leaf.interdependence_type == "instance"]
    fixed = any("n" in leaf.bound_sizes or not leaf.any_size for leaf in instance)
    return fixed or any("d" in leaf.bound_sizes for leaf in leaves if leaf not in instance)


def size(m: int) -> int:
    """Rows of a batch whose rows do not depend on each other."""
    return min(max(_ENTRIES // m, 1), _ROWS)


def answers(
    network: nn.Module, parts: Iterable[Float[Tensor, "_ m"]], rows: int, filled: bool
) -> Iterator[Float[Tensor, "_ outputs"]]:
    """What a network says of rows, in batches of so many, whatever parts they come in.

    Args:
        network: from (b, m) to (b, outputs).
        parts: the rows.
        rows: of a batch.
        filled: whether a last batch of fewer rows is filled up with the rows before it, so that it has as many.

    Raises:
        ValueError: if there are fewer rows than the network needs.
    """
    before: Tensor | None = None
    with torch.inference_mode():
        for batch in _rebatched(parts, rows):
            if before is None and len(batch) < rows and bound(network):
                raise ValueError(
                    f"the network has parameters for batches of {rows} rows, got {len(batch)} rows in all."
                )
            missing = rows - len(batch) if filled and before is not None else 0
            given = torch.cat([before[-missing:], batch]) if missing and before is not None else batch
            yield network(given)[missing:]
            before = batch


def _rebatched(parts: Iterable[Tensor], rows: int) -> Iterator[Tensor]:
    held: list[Tensor] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) < rows:
            continue
        whole, rest = torch.cat(held), []
        for batch in whole.split(rows):
            if len(batch) == rows:
                yield batch
            else:
                rest = [batch]
        held = rest
    if held:
        yield torch.cat(held)
