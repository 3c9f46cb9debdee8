"""Reads pickles of arrays and of lists of numbers, and nothing else. Free of torch."""

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("collections", "defaultdict"): collections.defaultdict,
    **{(module, "_reconstruct"): _RECONSTRUCT for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
    **{(module, "csr_matrix"): sparse.csr_matrix for module in ("scipy.sparse.csr", "scipy.sparse._csr")},
    **{(module, kind.__name__): kind for module in ("__builtin__", "builtins") for kind in (list, dict, set, tuple)},
}
"""What a pickle may name, by the names of Python 2 and of today."""


class _Refused(pickle.UnpicklingError):
    """That a pickle names what it must not."""


class _Unpickler(pickle.Unpickler):
    """Finds what is allowed, and imports nothing."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        found = _ALLOWED.get((module_name, global_name))
        if found is None:
            raise _Refused(f"{module_name}.{global_name}")
        return found


def read(path: Path) -> Any:
    """What a pickle holds, one of Python 2 included, whose texts are read as Latin-1.

    Made of `numpy` arrays, `scipy.sparse.csr_matrix`, and lists, dicts, sets and tuples of numbers and texts.

    Raises:
        ValueError: if it names anything else, of which nothing is run, or is no pickle.
    """
    with path.open("rb") as file:
        try:
            return _Unpickler(file, encoding="latin1").load()
        except _Refused as error:
            raise ValueError(
                f"{path.name} must hold arrays of numpy and scipy and nothing else, got one that names {error}."
            ) from error
        except Exception as error:  # a broken pickle may raise anything
            raise ValueError(f"{path.name} must be a pickle of arrays, got one that cannot be read.") from error
