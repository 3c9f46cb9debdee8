"""Parts of one shape reduced to one, place by place, without ever being stacked.

On a processor some rows are done at a time, which stay in its cache; so do temporary tensors, and the second pass
that gives the slopes. What a gradient does not need is not kept.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from hybridfuse.functional import precision

BLOCK = 1 << 17
"""Entries of a part that are reduced at a time, on a processor."""

Computed = tuple[Tensor, list[Tensor]]
"""A result, and what its slopes need beside the parts."""


class Reduction(ABC):
    """How numbers become one, and the slopes of that."""

    keeps: ClassVar[bool] = True
    """Whether slopes need the parts and the result."""

    @abstractmethod
    def value(self, parts: Sequence[Tensor], traced: bool) -> Computed:
        """The reduced part; with a trace only where slopes are wanted."""

    @abstractmethod
    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Sequence[Tensor]:
        """The gradient of each of so many parts, by functions that are differentiable themselves."""


class Rule(Reduction):
    """A reduction that takes one part after the other, each of which may then be forgotten."""

    @abstractmethod
    def start(self, part: Tensor, traced: bool) -> list[Tensor]:
        """What is known after the first part, in tensors of its own."""

    @abstractmethod
    def absorb(self, state: list[Tensor], part: Tensor, index: int) -> None:
        """Writes the part of an index into what is known."""

    def finish(self, state: list[Tensor], count: int) -> Tensor:
        """The result after so many parts."""
        return state[0]

    def value(self, parts: Sequence[Tensor], traced: bool) -> Computed:
        state = self.start(parts[0], traced)
        for index in range(1, len(parts)):
            self.absorb(state, parts[index], index)
        return self.finish(state, len(parts)), ([] if self.keeps else state[1:])


def reduced(reduction: Reduction, parts: Sequence[Tensor]) -> Tensor:
    """Parts of one shape and dtype reduced; half precision is computed in float32."""
    if not (torch.is_grad_enabled() and any(part.requires_grad for part in parts)):
        return _in_blocks(reduction, parts, traced=False)[0]
    given = list(parts)
    return _Reduced.apply(reduction, lambda: _in_blocks(reduction, given, traced=True), *given)  # pyright: ignore[reportReturnType]


class Stream:
    """Parts of one shape reduced as they come, each of which may be let go at once.

    Where gradients are on, a handle without memory stands for a part; a rule that keeps parts is for `reduced`.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule, self.count, self._dtype = rule, 0, torch.get_default_dtype()
        self._traced, self._handles = torch.is_grad_enabled(), list[Tensor]()
        self._state: list[Tensor] = []

    def add(self, part: Tensor) -> None:
        """The next part."""
        self._dtype = torch.promote_types(self._dtype, part.dtype) if self.count else part.dtype
        self._handles.append(_Handle.apply(part) if part.requires_grad and self._traced else part.new_empty(0))  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            wide = _wide(part.detach(), self._dtype)
            self._state = [known.to(wide.dtype) if known.is_floating_point() else known for known in self._state]
            if self.count:
                self.rule.absorb(self._state, wide, self.count)
            else:
                self._state = self.rule.start(wide, self._traced)
        self.count += 1

    def restrict(self, rows: Tensor, columns: Tensor) -> None:
        """From now on, some entries in a row; without a graph, for a rule that keeps parts."""
        self._state = [known[rows, columns] for known in self._state]

    def result(self) -> Tensor:
        """Of the parts so far; the last that is asked of it."""
        with torch.no_grad():
            computed = self.rule.finish(self._state, self.count).to(self._dtype), self._state[1:]
        if not any(handle.requires_grad for handle in self._handles):
            return computed[0]
        return _Reduced.apply(self.rule, lambda: computed, *self._handles)  # pyright: ignore[reportReturnType]


def held(parts: Iterator[Tensor]) -> Iterator[list[Tensor]]:
    """Each part in a list of its own, to be popped: no loop holds it while the next one is computed."""
    end: Any = object()
    while (pieces := [next(parts, end)])[0] is not end:
        yield pieces


class _Handle(torch.autograd.Function):
    """Stands for a matrix in the graph without holding its entries."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        return part.new_zeros(()).expand(part.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class _Reduced(torch.autograd.Function):
    """What was computed without a graph, with the slopes of its reduction."""

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
        whole = torch.is_grad_enabled() or not (kept or trace)
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
    wide = [_wide(part) for part in parts]
    slopes = reduction.slopes(_wide(grad), _wide(result), wide, trace, len(wanted))
    return [slope.to(grad.dtype) if want else None for slope, want in zip(slopes, wanted, strict=True)]


def _slopes_in_blocks(
    reduction: Reduction,
    grad: Tensor,
    result: Tensor,
    parts: Sequence[Tensor],
    trace: Sequence[Tensor],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    rows, k, t = _block_rows(grad, len(parts)), len(parts), len(trace)
    if rows >= grad.shape[0]:
        return _slopes(reduction, grad, result, parts, trace, wanted)
    slopes = [grad.new_empty(grad.shape) if want else None for want in wanted]
    targets = [None if slope is None else slope.split(rows) for slope in slopes]
    blocks = zip(*(tensor.split(rows) for tensor in (*parts, *trace, grad, result)), strict=True)
    for index, block in enumerate(blocks):
        some = _slopes(reduction, block[-2], block[-1], block[:k], block[k : k + t], wanted)
        for target, slope in zip(targets, some, strict=True):
            if target is not None and slope is not None:
                target[index].copy_(slope)
    return slopes


def _in_blocks(reduction: Reduction, parts: Sequence[Tensor], traced: bool) -> Computed:
    with torch.no_grad():
        first, rows = parts[0], _block_rows(parts[0], len(parts))
        if rows >= first.shape[0]:
            result, trace = reduction.value([_wide(part) for part in parts], traced)
            return result.to(first.dtype), trace
        whole, traces = first.new_empty(first.shape), list[list[Tensor]]()
        for target, *block in zip(*(tensor.split(rows) for tensor in (whole, *parts)), strict=True):
            result, trace = reduction.value([_wide(part) for part in block], traced)
            target.copy_(result)
            traces.append(trace)
        return whole, [torch.cat(pieces) for pieces in zip(*traces, strict=True)]


def _block_rows(part: Tensor, count: int) -> int:
    """Rows that make a block; all of them where there is no cache to fill."""
    if part.device.type != "cpu" or part.numel() <= 2 * BLOCK:
        return max(part.shape[0], 1)
    return max(1, BLOCK * part.shape[0] // part.numel())


def _wide(part: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    dtype = part.dtype if dtype is None else dtype
    return part.to(torch.float32 if dtype in precision.HALF else dtype)
