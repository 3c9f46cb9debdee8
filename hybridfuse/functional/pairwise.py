"""Distances that no matrix product gives, and their gradients, for tiles of pairs that fit into the cache."""

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import tiles
from hybridfuse.functional.differentiable import Function
from hybridfuse.functional.linked import Distance


class Metric(Distance):
    """A distance whose matrix is computed without gradients, which follow from its directions."""

    def everywhere(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return _Distances.apply(items, self)  # pyright: ignore[reportReturnType]

    @abstractmethod
    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """The distances of prepared items."""


class Tiled(Metric):
    """A distance that is computed tile by tile."""

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        return tiles.mirrored(self.above(items))

    def above(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
        """What the tiles hold, above the diagonal."""
        matrix, room = items.new_zeros(len(items), len(items)), tiles.Room(items)

        def tile(rows: slice, columns: slice) -> Tensor:
            first, second = items[rows, None], items[None, columns]
            return self.tile(first, second, room.of(first, second))

        for rows, columns, found in tiles.over(tile, items):
            matrix[rows, columns] = found
        return matrix

    @abstractmethod
    def tile(
        self,
        first: Float[Tensor, "*#pairs d"],
        second: Float[Tensor, "*#pairs d"],
        room: Float[Tensor, "2 *pairs d"],
    ) -> Float[Tensor, "*pairs"]:
        """Entries of the matrix, of prepared items; room is memory for what is known of their differences."""


class _Distances(Function):
    """Differentiable twice, without storing differences.

    Features of an item lie beside each other, which their differences are five times as fast of.
    """

    @staticmethod
    def forward(items: Tensor, metric: Metric) -> Tensor:
        return metric.matrix(metric.prepared(items).contiguous()).clamp_max_(torch.finfo(items.dtype).max)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Metric], output: Tensor) -> None:
        items, ctx.metric = inputs
        ctx.save_for_backward(items)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (items,) = ctx.saved_tensors
        largest = torch.finfo(items.dtype).max
        # A slope that is not finite belongs to items that coincide.
        slopes = (grads[0] + grads[0].mT).nan_to_num(0.0, 0.0, 0.0)
        pull = _Pull.apply(slopes, ctx.metric.prepared(items).contiguous(), ctx.metric)
        return (pull * ctx.metric.factor(items)).clamp(-largest, largest), None  # pyright: ignore


class _Pull(Function):
    r"""$\sum_j S_{ij} v_{ij}$ of symmetric slopes S and the directions v of a metric."""

    @staticmethod
    def forward(slopes: Tensor, items: Tensor, metric: Metric) -> Tensor:
        def pulls(rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
            weights, direction = metric.direction(items[rows, None], items[None, columns])
            weighted = slopes[rows, columns] * weights
            towards = torch.bmm(weighted.unsqueeze(1), direction).squeeze(1)
            if rows == columns:
                return towards, towards
            return towards, direction.mul_(weighted.unsqueeze(-1)).sum(dim=0)

        pull = torch.zeros_like(items)
        for rows, columns, (first, second) in tiles.over(pulls, items):
            pull[rows] += first
            if rows != columns:
                pull[columns] -= second
        return pull

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Metric], output: Tensor) -> None:
        slopes, items, ctx.metric = inputs
        ctx.save_for_backward(slopes, items)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        slopes, items = ctx.saved_tensors

        def gradients(rows: slice, columns: slice) -> tuple[Tensor, ...]:
            given = [part.detach().requires_grad_() for part in (slopes[rows, columns], items[rows], items[columns])]
            with torch.enable_grad():
                weights, direction = ctx.metric.direction(given[1][:, None], given[2][None])
                along = (direction * (grads[0][rows, None] - grads[0][None, columns])).sum(dim=-1)
                total = (along * weights * given[0]).sum() * (0.5 if rows == columns else 1.0)
            return torch.autograd.grad(total, given, materialize_grads=True)

        to_slopes, to_items = torch.zeros_like(slopes), torch.zeros_like(items)
        for rows, columns, (tile, first, second) in tiles.over(gradients, items):
            to_slopes[rows, columns] = tile
            to_items[rows] += first
            to_items[columns] += second
        return to_slopes, to_items, None
