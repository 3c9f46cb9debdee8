"""What a reduction of parts to one is: its result place by place, and the slopes of that; `fold` carries it out."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor


class Reduction(ABC):
    """How numbers become one, and the slopes of that."""

    keeps: ClassVar[bool] = True
    """Whether slopes need the parts and the result."""

    @abstractmethod
    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        """Writes the reduced part into a tensor; a trace, what slopes need beside the parts, where they are wanted."""

    @abstractmethod
    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        """The gradient of each of so many parts, one at a time, by functions that are differentiable themselves."""

    def write_slopes(
        self,
        grad: Tensor,
        result: Tensor,
        parts: Sequence[Tensor],
        trace: Sequence[Tensor],
        targets: Sequence[Tensor | None],
    ) -> None:
        """The same without a graph on a processor, into tensors, for each part that has one.

        To be replaced where plain numbers, such as those without ties or zeros, allow less.
        """
        for target, slope in zip(targets, self.slopes(grad, result, parts, trace, len(targets)), strict=True):
            if target is not None:
                target.copy_(slope)


class Rule(Reduction):
    """A reduction that takes one part after the other, each of which may then be forgotten."""

    @abstractmethod
    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        """What is known after the first part, in tensors of its own; what becomes the result in a given one."""

    def extend(self, state: list[Tensor], index: int) -> None:
        """Makes room in what is known for the part of an index, where it needs more."""

    @abstractmethod
    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        """Writes the part of an index into what is known, all of it or some rows."""

    def finish(self, state: Sequence[Tensor], count: int) -> None:
        """Makes the result after so many parts of what is known, in its first tensor."""

    def value(self, parts: Sequence[Tensor], into: Tensor, traced: bool) -> list[Tensor]:
        state = self.start(parts[0], into, traced)
        for index in range(1, len(parts)):
            self.extend(state, index)
            self.absorb(state, parts[index], index)
        self.finish(state, len(parts))
        return [] if self.keeps else state[1:]


class Linear(Rule):
    """A sum of parts, each times a factor, divided by a number."""

    keeps = False

    @abstractmethod
    def factor(self, index: int) -> float | Tensor:
        """Of the part of an index."""

    def divisor(self, count: int) -> float:
        """Of so many parts."""
        return 1.0

    def start(self, part: Tensor, into: Tensor, traced: bool) -> list[Tensor]:
        return [torch.mul(part, self.factor(0), out=into)]

    def absorb(self, state: Sequence[Tensor], part: Tensor, index: int) -> None:
        factor = self.factor(index)
        if isinstance(factor, Tensor):
            state[0].addcmul_(part, factor.to(part.dtype))
        else:
            state[0].add_(part, alpha=factor)

    def finish(self, state: Sequence[Tensor], count: int) -> None:
        divisor = self.divisor(count)
        if divisor != 1.0:
            state[0].div_(divisor)

    def slopes(
        self, grad: Tensor, result: Tensor, parts: Sequence[Tensor], trace: Sequence[Tensor], count: int
    ) -> Iterable[Tensor]:
        divisor = self.divisor(count)
        return (grad * (self.factor(index) / divisor) for index in range(count))

    def plus(self, total: Tensor | None, part: Tensor, index: int) -> Tensor:
        """A total and the part of an index, in torch's graph, which keeps neither."""
        factor = self.factor(index)
        if total is None:
            return part.clone() if isinstance(factor, float) and factor == 1.0 else part * factor
        return total + part * factor if isinstance(factor, Tensor) else torch.add(total, part, alpha=factor)

    def divided(self, total: Tensor, count: int) -> Tensor:
        """The result in torch's graph."""
        divisor = self.divisor(count)
        return total if divisor == 1.0 else total / divisor
