"""How a hybrid is applied to a batch, and what that costs, counted while it is done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from hybridfuse.functional import layout
from hybridfuse.path import APPLIED, BUILT

if TYPE_CHECKING:
    from hybridfuse.hybrid import HybridInterdependence
    from hybridfuse.interdependence.base import Interdependence

COUNTED = 1 << 26
"""Numbers up to which dense matrices are built to count what that takes."""


class Cost(NamedTuple):
    """What a computation takes."""

    flops: int
    """Floating-point operations: two for each multiplication and addition of a matrix product, and one for each entry
    of the largest tensor of any other operation."""
    bytes: int
    """Bytes that operations read and write."""
    at_least: bool = False
    """Whether the numbers are a bound from below, since the matrices were too large to be built."""

    def __str__(self) -> str:
        bound = "at least " if self.at_least else ""
        return f"{bound}{short(self.flops)}flop, {short(self.bytes)}B"


class Step(NamedTuple):
    """What becomes of a part."""

    part: str
    way: str
    depth: int
    """0 for a part of the hybrid, 1 for one of a hybrid in it, and so on."""


@dataclass(frozen=True, repr=False)
class Plan:
    """How a hybrid is applied to a batch; as text, a table."""

    name: str
    steps: Sequence[Step]
    cost: Cost
    """Of applying the hybrid so, forward."""
    plain: Cost
    """Of building all matrices, fusing them, and applying what comes out."""

    def __str__(self) -> str:
        named = [("  " * step.depth + step.part, step.way) for step in self.steps]
        width = max(len(part) for part, _ in named)
        lines = [f"  {part:<{width}}  {way}" for part, way in named]
        share = f"{self.plain.flops / max(self.cost.flops, 1):.3g} times the flops"
        return "\n".join([self.name, *lines, f"  takes {self.cost}", f"  plain {self.plain} ({share})"])

    def __repr__(self) -> str:
        return f"<Plan of {self.name}: {self.cost}, plain {self.plain}>"


def planned(hybrid: "HybridInterdependence", items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Plan:
    """The plan of a hybrid for items and Z."""
    hybrid.transform(items, transformed)  # what is computed once is no part of the cost
    cost = _counted(lambda: hybrid.transform(items, transformed))
    rows, e = transformed.shape
    numbers = rows * sum(width for width in _widths(hybrid, rows))
    if numbers <= COUNTED:
        plain = _counted(lambda: layout.product(_built(hybrid, items), transformed))
    else:
        p, size = hybrid.columns(rows), transformed.element_size()
        plain = Cost(2 * numbers + 2 * rows * p * e, size * (2 * numbers + 2 * rows * p + (rows + p) * e), True)
    return Plan(hybrid.name, list(steps(hybrid, items, e)), cost, plain)


def steps(
    hybrid: "HybridInterdependence", items: Tensor, e: int, applied: bool = True, depth: int = 0
) -> Iterator[Step]:
    """Those of a hybrid that is applied to Z with e columns, or whose matrix is built."""
    if hybrid.kept(items) is not None:
        yield from (Step(name, "fused once and kept", depth) for name in hybrid.functions)
        return
    recipe = hybrid.recipe
    path = recipe.path(items, e) if applied else BUILT
    given = list(hybrid.functions)
    ways = zip(recipe.parts, path.steps(recipe, items, e), strict=True)
    for part, way in sorted(ways, key=lambda pair: given.index(pair[0].name)):
        own = "" if part.function.name == part.name else f" ({part.function.name})"
        yield Step(part.name + own, way, depth)
        if isinstance(part.function, type(hybrid)):
            yield from steps(part.function, items, e, way == APPLIED, depth + 1)


def _widths(hybrid: "HybridInterdependence", n: int) -> Iterator[int]:
    """Columns of every matrix of a hybrid that is built plainly."""
    for function in hybrid.interdependence_functions:
        yield function.columns(n)
        if isinstance(function, type(hybrid)):
            yield from _widths(function, n)


def _built(function: "Interdependence", items: Tensor) -> Tensor:
    """A, dense, of dense matrices."""
    recipe = getattr(function, "recipe", None)
    if recipe is None:
        return layout.dense(function.relate(items))
    matrices = [_built(part.function, items) for part in recipe.parts]
    balanced = matrices if recipe.balance is None else list(recipe.balance(matrices))
    fused = recipe.fusion(balanced)
    return fused if recipe.postprocess is None else recipe.postprocess(fused)


def _counted(compute: Callable[[], object]) -> Cost:
    with torch.no_grad(), Counter() as counter:
        compute()
    return Cost(counter.flops, counter.bytes)


class Counter(TorchDispatchMode):
    """Counts what the operations below it take."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        tensors = [*_tensors([*args, *kwargs.values()]), *_tensors([out])]
        if not func.is_view and tensors:
            self.bytes += sum(map(_bytes, tensors))
            self.flops += _operations(func, args, kwargs, out, tensors)
        return out


def _operations(func: Any, args: Any, kwargs: Any, out: Any, tensors: Sequence[Tensor]) -> int:
    name = func.overloadpacket.__name__
    sparse = [tensor for tensor in tensors if layout.is_sparse(tensor)]
    if name == "sparse_sampled_addmm":
        return 2 * _numbers(args[0]) * args[1].shape[1]
    if sparse and name in ("mm", "addmm"):
        return 2 * _numbers(sparse[0]) * out.shape[1]
    if name.startswith("_embedding_bag"):
        return 2 * _numbers(args[1]) * args[0].shape[1]
    if func.overloadpacket in flop_registry:
        return int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=out))
    return max(map(_numbers, tensors))


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)  # pyright: ignore[reportUnknownArgumentType]


def _numbers(tensor: Tensor) -> int:
    return tensor.values().numel() if layout.is_sparse(tensor) else tensor.numel()


def _bytes(tensor: Tensor) -> int:
    indices = 8 * (_numbers(tensor) + tensor.shape[0] + 1) if layout.is_sparse(tensor) else 0
    return tensor.element_size() * _numbers(tensor) + indices


def short(number: int) -> str:
    """Three digits and a prefix."""
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {prefix}"
    return f"{number} "
