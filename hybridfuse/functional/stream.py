"""Parts of one shape reduced as they come, each of which may be let go at once."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from hybridfuse.functional import fold
from hybridfuse.functional.reduction import Linear, Rule


class Stream:
    """A reduction that is handed its parts.

    Where gradients are on, a handle without memory stands for a part, or torch's own graph where parts are small and
    sums keep none of them; a rule that keeps parts is for `fold.reduced`.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule, self.count, self._dtype = rule, 0, torch.get_default_dtype()
        self._traced, self._handles = torch.is_grad_enabled(), list[Tensor]()
        self._state, self._total = list[Tensor](), None

    def add(self, part: Tensor) -> None:
        """The next part."""
        self._dtype = torch.promote_types(self._dtype, part.dtype) if self.count else part.dtype
        if isinstance(self.rule, Linear) and fold.is_small(part):
            self._total = self.rule.plus(self._total, fold.wide(part, self._dtype), self.count)
        else:
            self._absorb(part)
        self.count += 1

    def restrict(self, rows: Tensor, columns: Tensor) -> None:
        """From now on, some entries in a row; without a graph, for a rule that keeps parts."""
        self._state = [known[rows, columns] for known in self._state]

    def result(self) -> Tensor:
        """Of the parts so far; the last that is asked of it."""
        if self._total is not None and isinstance(self.rule, Linear):
            return self.rule.divided(self._total, self.count).to(self._dtype)
        with torch.no_grad():
            self.rule.finish(self._state, self.count)
            computed = self._state[0].to(self._dtype), self._state[1:]
        if not any(handle.requires_grad for handle in self._handles):
            return computed[0]
        return fold.differentiable(self.rule, lambda: computed, self._handles)

    def _absorb(self, part: Tensor) -> None:
        self._handles.append(_Handle.apply(part) if part.requires_grad and self._traced else part.new_empty(0))  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            wide = fold.wide(part.detach(), self._dtype)
            if not self.count:
                self._state = self.rule.start(wide, torch.empty_like(wide), self._traced)
                return
            self._state = [known.to(wide.dtype) if known.is_floating_point() else known for known in self._state]
            self.rule.extend(self._state, self.count)
            rows = fold.block_rows(wide)
            for piece, *state in zip(*(tensor.split(rows) for tensor in (wide, *self._state)), strict=True):
                self.rule.absorb(state, piece, self.count)


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
