"""Fusions that take one matrix after the other."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import csr, fold, layout, reduction
from hybridfuse.functional.stream import Stream, held
from hybridfuse.fusion.base import Elementwise


class FoldedBase(Elementwise):
    """Reduces entry by entry and never stacks the matrices; of an iterator's, one is there at a time.

    An author writes `rule`.
    """

    @abstractmethod
    def rule(self) -> reduction.Rule:
        """How numbers are reduced."""

    def reduce(self, parts: Sequence[Float[Tensor, " *entries"]] | Float[Tensor, " k *entries"]) -> Tensor:
        return fold.reduced(self.rule(), list(parts))

    def absorb(self, matrices: Iterator[Tensor], names: Sequence[str] | None = None) -> Float[Tensor, "n p"]:
        rule = self.rule()
        if rule.keeps and torch.is_grad_enabled():
            return super().absorb(matrices, names)
        stream, sparse, shapes = Stream(rule), list[Tensor](), list[tuple[int, int]]()
        for pieces in held(matrices):
            self.check_matrix(pieces[0])
            shapes.append((pieces[0].shape[0], pieces[0].shape[1]))
            self.check_shapes(shapes, names)
            if layout.is_sparse(pieces[0]) and (self.absorbs_zero or not stream.count):
                sparse.append(layout.compressed(pieces.pop()))
                continue
            while sparse and not self.absorbs_zero:
                stream.add(layout.dense(sparse.pop(0)))
            stream.add(layout.dense(pieces.pop()))
        if not stream.count:
            return self.forward(sparse, names)
        self.calculate_n([columns for _, columns in shapes])
        return self._at_common_entries(stream, sparse) if sparse else stream.result()

    @staticmethod
    def _at_common_entries(stream: Stream, sparse: Sequence[Tensor]) -> Tensor:
        """The result where all the sparse matrices have entries, which are still to be absorbed."""
        rows, columns, values = layout.intersection(sparse)
        stream.restrict(rows, columns)
        for value in values:
            stream.add(value)
        return csr.from_sorted(rows, columns, stream.result(), (sparse[0].shape[0], sparse[0].shape[1]))
