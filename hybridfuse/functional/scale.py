"""Scaling that keeps every finite input finite and precise."""

import torch
from jaxtyping import Float
from torch import Tensor


def magnitude(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The power of two below the largest absolute entry of each item, so that to divide by it rounds nothing.

    1 for an item that is zero, or so small that slopes would overflow. Detached: it only ever divides a quantity
    that does not depend on it.
    """
    largest = items.detach().abs().amax(dim=1, keepdim=True)
    power = torch.ldexp(torch.ones_like(largest), torch.frexp(largest).exponent - 1)
    return torch.where(largest > 1024 * torch.finfo(items.dtype).tiny, power, 1.0)


def bounded(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items shrunk together until the product of two of them is far from overflow; as they are where it is."""
    limit = torch.finfo(items.dtype).max ** 0.5 / 1024
    return items / (common_magnitude(items) / limit).clamp_min(1.0)


def unit(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items divided by their Euclidean norm; a zero item stays zero."""
    scaled = items / magnitude(items)
    squared = scaled.square().sum(dim=1, keepdim=True)
    return scaled / torch.where(squared > 0, squared, 1.0).sqrt()


def centre(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items divided by their magnitude, less their mean; a constant item becomes exactly zero.

    The first feature is subtracted before the mean, so that an offset costs no precision.
    """
    scaled = items / magnitude(items)
    shifted = scaled - scaled[:, :1]
    return shifted - shifted.mean(dim=1, keepdim=True)


def common_magnitude(items: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """`magnitude` of all items together, 1 where there is none."""
    return magnitude(items.reshape(1, -1)).squeeze() if items.numel() else items.new_ones(())
