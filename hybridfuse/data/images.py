"""Pictures in grey and their labels, as bytes and as numbers. Free of torch."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hybridfuse.data import idx

Pixels = UInt8[np.ndarray, "images height width"]


class Images(NamedTuple):
    """Pictures in grey, and the class of each."""

    pixels: Pixels
    labels: Int64[np.ndarray, " images"]


def read(pixels: bytes, labels: bytes, files: tuple[str, str], classes: int) -> Images:
    """What two idx files hold.

    Args:
        files: their names, for errors.
        classes: how many there are; labels lie below.

    Raises:
        ValueError: if a file is damaged, they do not belong together, or a label is no class.
    """
    found = Images(idx.read(pixels, files[0], 3), idx.read(labels, files[1], 1).astype(np.int64))
    if len(found.pixels) != len(found.labels) or not len(found.labels):
        raise ValueError(
            f"{files[1]} must hold a label for each of the {len(found.pixels)} images of {files[0]}, and some, "
            f"got {len(found.labels)}."
        )
    if found.labels.max() >= classes:
        raise ValueError(f"{files[1]} must hold labels below {classes}, got {found.labels.max()}.")
    return found


def statistics(pixels: Pixels) -> tuple[float, float]:
    """Mean and standard deviation of all pixels in [0, 1]; 1 for the latter where they do not vary."""
    shades = np.arange(256) / 255
    counts = np.bincount(pixels.ravel(), minlength=256) / pixels.size
    mean = float(counts @ shades)
    deviation = float(np.sqrt(counts @ (shades - mean) ** 2))
    return mean, deviation if np.count_nonzero(counts) > 1 else 1.0


def rows(pixels: Pixels, mean: float, scale: float) -> Float32[np.ndarray, "images m"]:
    """A row an image, its pixels in [0, 1] less the mean, divided by the scale."""
    shades = ((np.arange(256) / 255 - mean) / scale).astype(np.float32)
    return shades[pixels.reshape(len(pixels), -1)]
