"""Scaling that keeps every finite input finite and precise."""

import torch
from jaxtyping import Float
from torch import Tensor


def magnitude(items: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """Largest absolute entry of each item, 1 for an item that is zero (or too small to be told from it).

    Detached: it only ever divides a quantity that does not depend on it.
    """
    largest = items.detach().abs().amax(dim=1, keepdim=True)
    limits = torch.finfo(items.dtype)
    return torch.where(largest > limits.tiny / limits.eps, largest, 1.0)


def bounded(items: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Items shrunk, each as a whole, until the product of two of them is far from overflow; all others as they are."""
    limit = torch.finfo(items.dtype).max ** 0.25
    return items / (magnitude(items) / limit).clamp_min(1.0)


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
    """Largest absolute entry of all items, 1 where there is none; detached as `magnitude` is."""
    return magnitude(items.reshape(1, -1)).squeeze() if items.numel() else items.new_ones(())
