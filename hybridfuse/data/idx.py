"""Files of the idx format, compressed: arrays of bytes with their sizes before them. Free of torch."""

import gzip
import math
import zlib

import numpy as np
from jaxtyping import UInt8

_BYTES = 0x08
"""The type of the numbers, unsigned bytes, the only one that images and their labels have."""


def read(content: bytes, file: str, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The array of a file: two zero bytes, the type, the number of dimensions, a 32-bit size of each, the numbers.

    Args:
        content: the file, compressed by gzip.
        file: its name, for errors.
        dimensions: how many it must have: 3 for images, 1 for labels.

    Raises:
        ValueError: if the file is truncated or damaged, of another type or number of dimensions, or of another length
            than its sizes say.
    """
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{file} must be a whole gzip file, got {str(error).rstrip('.') or 'a damaged one'}."
        ) from error
    magic, expected = plain[:4], bytes([0, 0, _BYTES, dimensions])
    if magic != expected:
        raise ValueError(f"{file} must begin with the bytes {expected.hex(' ')}, got {magic.hex(' ') or 'none'}.")
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(plain[place : place + 4], "big") for place in range(4, start, 4)]
    if len(plain) != start + math.prod(sizes):
        raise ValueError(
            f"{file} must hold {' x '.join(map(str, sizes))} bytes after the {start} of its head, "
            f"got {max(len(plain) - start, 0)}."
        )
    return np.frombuffer(plain, np.uint8, offset=start).reshape(sizes)
