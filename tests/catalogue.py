"""What the tests run over: every class that exists, found by walking the packages, and the few words to build one."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import hybridfuse.balance
import hybridfuse.fusion
import hybridfuse.interdependence
import hybridfuse.postprocess
import hybridfuse.reconciliation
from families import collected, listed
from families.fusions import FUSION_OPTIONS, SQUARE
from hybridfuse.balance.base import Balance
from hybridfuse.discovery import concrete_classes
from hybridfuse.fusion.base import Fusion
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import Interdependence
from hybridfuse.interdependence.structural import Structural
from hybridfuse.postprocess.base import Postprocess
from hybridfuse.reconciliation.base import Reconciliation

torch.set_num_threads(1)  # small matrices: threads of several workers would only wait for each other

CONF = Path(__file__).parents[1] / "conf"

XIS = concrete_classes(hybridfuse.interdependence, Interdependence)
FUSIONS = concrete_classes(hybridfuse.fusion, Fusion)
BALANCES = concrete_classes(hybridfuse.balance, Balance)
POSTPROCESSES = concrete_classes(hybridfuse.postprocess, Postprocess)
RECONCILIATIONS = concrete_classes(hybridfuse.reconciliation, Reconciliation)

STRUCTURAL = [stem for stem, cls in XIS.items() if issubclass(cls, Structural)]
DATA_DEPENDENT = [stem for stem, cls in XIS.items() if cls.require_data]
DIFFERENTIABLE = [stem for stem in DATA_DEPENDENT if XIS[stem].differentiable]
FUNCTIONS = [*XIS, "hybrid"]
"""Every ξ, and a hybrid of some of them, which is one, too."""

LEAST_FEATURES: dict[str, int] = collected("LEAST_FEATURES")
"""Features that an item must have, where it is more than 1; `test_error` sees that fewer are refused."""


def options(stem: str, n: int) -> dict[str, Any]:
    """What a ξ cannot do without."""
    needed = collected("OPTIONS").get(stem)
    return needed(n) if needed else {}


def function(stem: str, b: int, m: int, kind: str = "attribute", **given: Any) -> Interdependence:
    """A ξ by its stem, or a hybrid, its parameters drawn from a fixed seed."""
    n = m if kind == "attribute" else b
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if stem == "hybrid":
            parts = ["chain", "cosine_similarity", "gaussian_rbf", "parameterized_lowrank"]
            return hybrid_of(parts, "weighted_sum_learned", b, m, kind, **given)
        return XIS[stem](b, m, kind, **{**options(stem, n), **given})


def fusion_of(stem: str, dims: Sequence[int] | None = None, **given: Any) -> Fusion:
    """A fusion by its stem, drawn from a fixed seed."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FUSIONS[stem](dims, **{**FUSION_OPTIONS.get(stem, {}), **given})


def hybrid_of(
    stems: list[str], fusion: str, b: int, m: int, kind: str = "attribute", **given: Any
) -> HybridInterdependence:
    """A hybrid of ξ objects."""
    functions = [function(stem, b, m, kind) for stem in stems]
    dims = [part.p for part in functions]
    return HybridInterdependence(
        b, m, kind, interdependence_functions=functions, fusion_function=fusion_of(fusion, dims), **given
    )


def stated_range(stem: str) -> tuple[float, float] | None:
    """The range of the entries that the docstring of a ξ states (`In [0, 1], ...`), for any items."""
    stated = re.search(r"^    In [\[(](-?\d+), (-?\d+)[\])]", XIS[stem].__doc__ or "", re.MULTILINE)
    return (float(stated[1]), float(stated[2])) if stated else None


def states(stem: str, words: str) -> bool:
    """Whether the docstring of a ξ says so of its matrix."""
    return words in " ".join((XIS[stem].__doc__ or "").split())


def bound(stem: str, size: str) -> bool:
    """Whether a parameter's shape depends on n or on d."""
    return size in ({"n"} if stem == "hybrid" else XIS[stem].bound_sizes)


def data(b: int, m: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Standard normal numbers from a seed."""
    return torch.randn(b, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def inputs_of(stem: str, k: int, n: int = 4, p: int = 5, seed: int = 0) -> list[Tensor]:
    """Matrices that a fusion takes: square ones of p columns if it must have them."""
    return matrices(k, p if stem in SQUARE else n, p, seed)


def matrices(k: int, n: int = 4, p: int = 5, seed: int = 0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Matrices of standard normal numbers."""
    return [data(n, p, seed=100 * seed + i, dtype=dtype) for i in range(k)]


def sparse_matrix(n: int = 4, p: int = 5, seed: int = 0, share: float = 0.5) -> Tensor:
    """A CSR matrix of standard normal numbers at some places, with an empty row and an empty column."""
    matrix = data(n, p, seed)
    kept = torch.rand(n, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) < share
    kept[seed % n] = False
    kept[:, (seed + 1) % p] = False
    return (matrix * kept).to_sparse_csr()


def items(x: Tensor, kind: str) -> Tensor:
    """The rows that are related: attributes or instances."""
    return x.T if kind == "attribute" else x


def dense(matrix: Tensor) -> Tensor:
    """Without knowledge of the library's own."""
    return matrix if matrix.layout == torch.strided else matrix.to_dense()


def without_caps(stem: str, *matrices: Tensor) -> list[Tensor]:
    """Without the diagonal, where it depends on the dtype."""
    return [matrix - matrix.diag().diag() if stem in listed("CAPPED") else matrix for matrix in matrices]


def flat(module: nn.Module) -> Tensor:
    """All parameters in order, each row by row."""
    pieces = [parameter.detach().reshape(-1) for parameter in module.parameters()]
    return torch.cat(pieces) if pieces else torch.empty(0)


def finite(*tensors: Tensor | None) -> bool:
    return all(tensor is not None and bool(torch.isfinite(dense(tensor)).all()) for tensor in tensors)


def named(options: Mapping[str, Any]) -> str:
    """A test id from options; long values by their type."""
    words = {key: str(getattr(value, "name", getattr(value, "__name__", value))) for key, value in options.items()}
    short = {key: word if len(word) < 40 else type(options[key]).__name__ for key, word in words.items()}
    return ",".join(f"{key}={word}" for key, word in short.items()) or "defaults"


class Largest(TorchDispatchMode):
    """The most numbers that a tensor made inside holds."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, Tensor) and tensor.layout == torch.strided and not func.is_view:
                self.numbers = max(self.numbers, tensor.numel())
        return out
