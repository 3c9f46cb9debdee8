"""A network whose constant matrices are computed once, for those who only apply it."""

import copy

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hybridfuse.functional import csr, layout
from hybridfuse.fusion.base import Elementwise
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import Interdependence
from hybridfuse.interdependence.streamed_base import StreamedBase
from hybridfuse.postprocess.base import Postprocess
from hybridfuse.postprocess.softmax_column import SoftmaxColumn
from hybridfuse.postprocess.softmax_row import SoftmaxRow

LARGEST = 1 << 24
"""Entries up to which a dense matrix stands for what makes it."""
_FEW = 0.25


class Frozen(Interdependence):
    """Another function whose A does not depend on x, as a matrix of plain numbers.

    A matrix of few entries is applied by these, and by operations on dense tensors alone.

    Args:
        function: the function.
    """

    require_data = False
    cost = "n p d"

    def __init__(self, function: Interdependence) -> None:
        super().__init__(function.b, function.m, function.interdependence_type)
        self.name = function.name
        items = next(iter([*function.parameters(), *function.buffers()]), torch.empty(0))
        like = items if items.is_floating_point() else torch.empty(0)
        with torch.no_grad():
            found = function.relate(like.new_zeros(function.n, function.d))
        entries = layout.compressed(found) if layout.is_sparse(found) else None
        self.shape = (found.shape[0], found.shape[1])
        self.by_entries = entries is not None and len(entries.values()) < _FEW * found.numel()
        self.rows: Tensor
        self.places: Tensor
        self.values: Tensor
        if entries is not None and self.by_entries:
            rows, places = csr.indices(entries)
            self.register_buffer("rows", rows)
            self.register_buffer("places", places)
            self.register_buffer("values", entries.values().clone())
        else:
            self.register_buffer("values", layout.dense(found).clone())

    def check_sizes(self, items: Float[Tensor, "n d"]) -> None:
        if items.shape[0] != self.n:
            raise ValueError(f"{self.name} is of {self.n} items, so a batch must have as many, got {items.shape[0]}.")

    def columns(self, n: int) -> int:
        return self.shape[1]

    def matrix(self, items: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        if not self.by_entries:
            return self.values.to(items.dtype)
        return items.new_zeros(self.shape).index_put((self.rows, self.places), self.values.to(items.dtype))

    def transform(self, items: Float[Tensor, "n d"], transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        return self._applied(transformed)

    def forward(self, x: Tensor | None = None, kappa_x: Tensor | None = None) -> Tensor:
        """Nothing is asked of the number of instances where attributes are related, so that a graph takes any."""
        given = x if kappa_x is None else kappa_x
        if given is None:
            raise ValueError(f"{self.name} needs x or kappa_x to transform, got neither.")
        return self._applied(given.mT).mT if self.interdependence_type == "attribute" else self._applied(given)

    def _applied(self, transformed: Float[Tensor, "n e"]) -> Float[Tensor, "p e"]:
        self.check_sizes(transformed)
        values = self.values.to(transformed.dtype)
        if not self.by_entries:
            return values.mT @ transformed
        terms = transformed.index_select(0, self.rows) * values[:, None]
        return transformed.new_zeros(self.shape[1], transformed.shape[1]).index_add(0, self.places, terms)


def frozen(network: nn.Module) -> nn.Module:
    """A copy of a network in which `Frozen` stands for every function whose A does not depend on x."""
    replaced = copy.deepcopy(network).eval()
    for name, module in list(replaced.named_modules()):
        if isinstance(module, HybridInterdependence):
            owner, _, last = name.rpartition(".")
            setattr(replaced.get_submodule(owner), last, _of_hybrid(module))
    return replaced


def _of_hybrid(hybrid: HybridInterdependence) -> Interdependence:
    if _is_constant(hybrid) and (hybrid.sparse or hybrid.n * hybrid.p <= LARGEST):
        return Frozen(hybrid)
    if hybrid.sparse and isinstance(hybrid.postprocess, SoftmaxRow | SoftmaxColumn):
        hybrid.postprocess = _at_entries(hybrid, hybrid.postprocess)
    for name, function in hybrid.functions.items():
        if _is_constant(function) and not isinstance(function, HybridInterdependence):
            hybrid.parts[name] = Frozen(function)
    hybrid.stored = None
    return hybrid


class _AtEntries(Postprocess):
    """A softmax over entries of a matrix that are those of a sparse one; the others are 0."""

    def __init__(self, softmax: Postprocess, entries: Bool[Tensor, "n p"]) -> None:
        super().__init__()
        self.softmax = softmax
        self.entries: Tensor
        self.register_buffer("entries", entries)

    def forward(self, matrix: Float[Tensor, "n p"]) -> Float[Tensor, "n p"]:
        return self.softmax(matrix.masked_fill(~self.entries, -torch.inf)).masked_fill(~self.entries, 0.0)


def _at_entries(hybrid: HybridInterdependence, softmax: Postprocess) -> Postprocess:
    """The softmax over the entries that the sparse parts have; as it is where these depend on the batch."""
    sparse = [function for function in hybrid.interdependence_functions if function.sparse]
    if not all(map(_is_constant, sparse)):
        return softmax
    found = torch.stack([_entries(function) for function in sparse])
    local = isinstance(hybrid.fusion_function, Elementwise) and hybrid.fusion_function.absorbs_zero
    return _AtEntries(softmax, found.all(dim=0) if local else found.any(dim=0))


def _entries(function: Interdependence) -> Bool[Tensor, "n p"]:
    """Where a sparse A has entries, zeros that it holds included."""
    matrix = layout.compressed(function.relate(torch.zeros(function.n, function.d)))
    return csr.with_values(matrix, torch.ones_like(matrix.values())).to_dense() > 0


def _is_constant(function: Interdependence) -> bool:
    """Whether A is the same for any x of as many items."""
    if isinstance(function, HybridInterdependence):
        return all(map(_is_constant, function.interdependence_functions))
    return not function.require_data or (isinstance(function, StreamedBase) and function.reference is not None)
