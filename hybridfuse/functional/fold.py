"""Parts of one shape reduced to one, place by place, without ever being stacked.

On a processor some rows are done at a time, which stay in its cache; so do temporary tensors, and the second pass
that gives the slopes. What a gradient does not need is not kept.
"""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from hybridfuse.functional import precision
from hybridfuse.functional.reduction import Linear, Reduction

BLOCK = 1 << 17
"""Entries of a part that are reduced at a time, by each thread of a processor."""

Computed = tuple[Tensor, list[Tensor]]
"""A result, and its trace."""


def reduced(reduction: Reduction, parts: Sequence[Tensor]) -> Tensor:
    """Parts of one shape and dtype reduced; half precision is computed in float32."""
    if isinstance(reduction, Linear) and is_small(parts[0]):
        return _in_graph(reduction, parts)
    if not (torch.is_grad_enabled() and any(part.requires_grad for part in parts)):
        return in_blocks(reduction, parts, traced=False)[0]
    given = list(parts)
    return differentiable(reduction, lambda: in_blocks(reduction, given, traced=True), given)


def differentiable(reduction: Reduction, compute: Callable[[], Computed], parts: Sequence[Tensor]) -> Tensor:
    """What is computed without a graph, with the slopes of a reduction of parts."""
    return _Reduced.apply(reduction, compute, *parts)  # pyright: ignore[reportReturnType]


def block_rows(part: Tensor) -> int:
    """Rows that make a block; all of them where there is no cache to fill."""
    size = BLOCK * torch.get_num_threads()
    if part.device.type != "cpu" or part.numel() <= size:
        return max(part.shape[0], 1)
    return max(1, size * part.shape[0] // part.numel())


def is_small(part: Tensor) -> bool:
    """Whether a linear reduction is left to torch's own functions: a block would hold the part, or it is exported."""
    return torch.compiler.is_exporting() or part.numel() <= BLOCK


def wide(part: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A part in the dtype that it is reduced in."""
    dtype = part.dtype if dtype is None else dtype
    return part.to(torch.float32 if dtype in precision.HALF else dtype)


def _in_graph(reduction: Linear, parts: Sequence[Tensor]) -> Tensor:
    total = reduction.plus(None, wide(parts[0]), 0)
    for index, part in enumerate(parts[1:], start=1):
        total = reduction.plus(total, wide(part), index)
    return reduction.divided(total, len(parts)).to(parts[0].dtype)


def in_blocks(reduction: Reduction, parts: Sequence[Tensor], traced: bool) -> Computed:
    """The reduction without a graph, in the dtype of the parts, and its trace."""
    with torch.no_grad():
        first, rows = parts[0], block_rows(parts[0])
        whole = first.new_empty(first.shape)
        if rows >= first.shape[0]:
            return whole, _computed(reduction, parts, whole, traced)
        blocks = zip(*(tensor.split(rows) for tensor in (whole, *parts)), strict=True)
        traces = [_computed(reduction, block, target, traced) for target, *block in blocks]
        return whole, [torch.cat(pieces) for pieces in zip(*traces, strict=True)]


def _computed(reduction: Reduction, parts: Sequence[Tensor], target: Tensor, traced: bool) -> list[Tensor]:
    widened = [wide(part) for part in parts]
    into = target if target.dtype == widened[0].dtype else torch.empty_like(widened[0])
    trace = reduction.value(widened, into, traced)
    if into is not target:
        target.copy_(into)
    return trace


class _Reduced(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, reduction: Reduction, compute: Callable[[], Computed], *parts: Tensor) -> Tensor:
        result, trace = compute()
        ctx.reduction, ctx.count = reduction, len(parts)
        ctx.traces = len(trace)
        ctx.save_for_backward(*trace, *((result, *parts) if reduction.keeps else ()))
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        reduction: Reduction = ctx.reduction
        trace, kept = ctx.saved_tensors[: ctx.traces], ctx.saved_tensors[ctx.traces :]
        result, parts = (kept[0], kept[1:]) if kept else (grads[0], ())
        whole = torch.is_grad_enabled() or not (kept or trace) or not result.is_cpu or not result.numel()
        slopes = _slopes if whole else _slopes_in_blocks
        wanted = ctx.needs_input_grad[2:]
        return None, None, *slopes(reduction, grads[0], result, parts, trace, wanted)


def _slopes(
    reduction: Reduction,
    grad: Tensor,
    result: Tensor,
    parts: Sequence[Tensor],
    trace: Sequence[Tensor],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    widened = [wide(part) for part in parts]
    slopes = reduction.slopes(wide(grad), wide(result), widened, trace, len(wanted))
    return [slope.to(grad.dtype) if want else None for slope, want in zip(slopes, wanted, strict=True)]


def _slopes_in_blocks(
    reduction: Reduction,
    grad: Tensor,
    result: Tensor,
    parts: Sequence[Tensor],
    trace: Sequence[Tensor],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    rows, k = block_rows(grad), len(parts)
    slopes = [torch.empty_like(grad, memory_format=torch.contiguous_format) if want else None for want in wanted]
    targets = zip(*(repeat(None) if slope is None else slope.split(rows) for slope in slopes), strict=False)
    blocks = zip(*(tensor.split(rows) for tensor in (grad, result, *parts, *trace)), strict=True)
    for into, block in zip(targets, blocks, strict=True):
        _write(reduction, block[0], block[1], block[2 : k + 2], block[k + 2 :], into)
    return slopes


def _write(
    reduction: Reduction,
    grad: Tensor,
    result: Tensor,
    parts: Sequence[Tensor],
    trace: Sequence[Tensor],
    targets: Sequence[Tensor | None],
) -> None:
    widened = [wide(tensor) for tensor in (grad, result, *parts)]
    narrow = grad.dtype != widened[0].dtype
    into = [torch.empty_like(widened[0]) if narrow and target is not None else target for target in targets]
    reduction.write_slopes(widened[0], widened[1], widened[2:], trace, into)
    for target, slope in zip(targets, into, strict=True):
        if narrow and target is not None and slope is not None:
            target.copy_(slope)
