"""Copies, files, dtypes and devices: what a function is, it is as a module."""

import copy
import io
import pickle
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as fx_config

from catalogue import (
    FUNCTIONS,
    FUSIONS,
    STRUCTURAL,
    XIS,
    data,
    dense,
    flat,
    function,
    fusion_of,
    hybrid_of,
    inputs_of,
    matrices,
)
from hybridfuse.fusion.base import Fusion
from hybridfuse.interdependence.base import TYPES, Interdependence

B, M = 6, 5


def _saved(module: nn.Module) -> dict[str, Tensor]:
    """The state as it comes back from a file that may hold nothing but tensors."""
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _trained(stem: str, kind: str = "attribute") -> Interdependence:
    """Not as it was constructed, and used once."""
    xi = function(stem, B, M, kind)
    with torch.no_grad():
        for parameter in xi.parameters():
            parameter.mul_(2.0).add_(0.25)
    xi(data(B, M, dtype=torch.float32))
    return xi


def _same(first: Interdependence, second: Interdependence) -> None:
    x = data(B, M, dtype=torch.float32)
    assert torch.equal(dense(first.calculate_A(x)), dense(second.calculate_A(x)))
    assert torch.equal(first(x), second(x))


COPIES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda module: pickle.loads(pickle.dumps(module)),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_copies_are_equal_and_apart(stem: str, copied: Callable[[nn.Module], nn.Module], kind: str) -> None:
    xi = _trained(stem, kind)
    other = copied(xi)
    _same(xi, other)
    assert repr(xi) == repr(other)
    before = dense(xi.calculate_A(data(B, M, dtype=torch.float32))).detach().clone()
    with torch.no_grad():
        for tensor in (*other.parameters(), *other.buffers()):
            tensor.zero_()
    assert torch.equal(dense(xi.calculate_A(data(B, M, dtype=torch.float32))), before)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_a_state_comes_back_from_a_file(stem: str, kind: str) -> None:
    xi, other = _trained(stem, kind), function(stem, B, M, kind)
    assert not xi.require_parameters or not torch.equal(flat(xi), flat(other))
    other(data(B, M, dtype=torch.float32))
    other.load_state_dict(_saved(xi))
    _same(xi, other)


@pytest.mark.parametrize("stem", STRUCTURAL)
def test_a_structure_comes_back_with_its_values(stem: str) -> None:
    """Also where it has been used before: nothing stale is kept."""
    xi, other = function(stem, B, M), function(stem, B, M)
    other.calculate_A()
    state = {name: value * 3 if value.is_floating_point() else value for name, value in _saved(xi).items()}
    assert state
    other.load_state_dict(state)
    torch.testing.assert_close(dense(other.calculate_A()), 3 * dense(xi.calculate_A()))


def test_a_graph_comes_back_with_its_links() -> None:
    first = XIS["graph"](B, M, links=[(0, 1), (2, 3)])
    second = XIS["graph"](B, M, links=[(4, 0), (1, 1)])
    second.calculate_A()
    second.load_state_dict(_saved(first))
    _same(first, second)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_a_state_is_whole(stem: str) -> None:
    """What A depends on, beside the data, is saved."""
    xi = function(stem, B, M)
    assert sum(p.numel() for p in xi.parameters()) == xi.calculate_l()
    assert set(dict(xi.named_parameters())) <= set(xi.state_dict())
    if not xi.require_data and not xi.require_parameters:
        assert any(value.is_floating_point() for value in xi.state_dict().values())


DTYPES = [torch.float64, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_dtype_follows_the_module_and_the_data(stem: str, dtype: torch.dtype, kind: str) -> None:
    xi = function(stem, B, M, kind).to(dtype)
    tensors = [tensor for tensor in (*xi.parameters(), *xi.buffers()) if tensor.is_floating_point()]
    assert {tensor.dtype for tensor in tensors} <= {dtype}
    x = data(B, M, dtype=dtype)
    assert xi.calculate_A(x).dtype == xi(x).dtype == dtype
    if not xi.require_data:
        assert xi.calculate_A().dtype == dtype


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_dtype_follows_the_data_where_the_module_has_another(stem: str, dtype: torch.dtype, kind: str) -> None:
    xi, x = function(stem, B, M, kind), data(B, M, dtype=dtype)
    assert xi(x).dtype == dtype
    if stem != "hybrid":  # its fusion takes the wider of two dtypes
        assert xi.calculate_A(x).dtype == dtype


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_back_and_forth_between_dtypes(stem: str) -> None:
    xi, x = function(stem, B, M), data(B, M, dtype=torch.float32)
    before = xi(x)
    xi.double()(x.double())
    assert torch.equal(xi.float()(x), before)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_device_follows_the_module_and_the_data(stem: str, kind: str) -> None:
    """On a device without memory, so that any tensor made elsewhere is found out; it cannot multiply CSR matrices."""
    xi = function(stem, B, M, kind).to("meta")
    assert {tensor.device.type for tensor in (*xi.parameters(), *xi.buffers())} <= {"meta"}
    x = torch.empty(B, M, device="meta")
    with fx_config.patch(meta_nonzero_assume_all_nonzero=True):
        matrix = xi.calculate_A(x)
        assert matrix.device.type == "meta"
        assert matrix.layout == torch.sparse_csr or xi(x).device.type == "meta"


@pytest.mark.parametrize("stem", STRUCTURAL)
def test_a_structure_goes_where_the_data_are(stem: str) -> None:
    xi = function(stem, B, M)
    assert xi.calculate_A(torch.empty(B, M, device="meta")).device.type == "meta"
    assert xi.calculate_A().device.type == "cpu"


@pytest.mark.parametrize("stem", FUSIONS)
def test_dtype_and_device_of_fusions(stem: str) -> None:
    for dtype in DTYPES:
        inputs = [matrix.to(dtype) for matrix in inputs_of(stem, 2)]
        assert fusion_of(stem, [5] * 2).to(dtype)(inputs).dtype == dtype
        assert fusion_of(stem, [5] * 2)(inputs).dtype == fusion_of(stem, [5] * 2)(iter(inputs)).dtype == dtype
    mixed = [inputs_of(stem, 1)[0].float(), *inputs_of(stem, 1)]
    assert fusion_of(stem, [5] * 2)(mixed).dtype == torch.float64
    on_meta = [matrix.to("meta") for matrix in inputs_of(stem, 2)]
    assert fusion_of(stem, [5] * 2).to("meta")(on_meta).device.type == "meta"


def test_an_author_of_a_fusion_gets_matrices_of_one_dtype() -> None:
    class Probe(Fusion):
        def fuse(self, matrices: Sequence[Tensor]) -> Tensor:
            assert {matrix.dtype for matrix in matrices} == {torch.float64}
            return matrices[0]

        def calculate_n(self, dims: Sequence[int] | None = None) -> int:
            return self._dims(dims)[0]

    sparse = torch.eye(4, 5, dtype=torch.bfloat16).to_sparse_csr()
    given = [*matrices(1, dtype=torch.float32), sparse, *matrices(1)]
    assert torch.equal(Probe()(given), given[0].double())


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_inference_does_not_spoil_training(stem: str, kind: str) -> None:
    """Whatever is kept from a call without gradients serves in one with them."""
    xi, x = function(stem, B, M, kind), data(B, M, dtype=torch.float32)
    with torch.inference_mode():
        expected = xi(x)
    y = x.clone().requires_grad_()
    output = xi(y)
    output.sum().backward()
    torch.testing.assert_close(output.detach(), expected.clone())
    assert y.grad is not None


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", STRUCTURAL)
def test_a_structure_made_and_cast_in_inference(stem: str, kind: str) -> None:
    expected = function(stem, B, M, kind)(data(B, M, dtype=torch.float32))
    with torch.inference_mode():
        xi, x = function(stem, B, M, kind), data(B, M, dtype=torch.float32)
        torch.testing.assert_close(xi(x), expected)
        cast = xi.to(torch.bfloat16)
        torch.testing.assert_close(cast(x.bfloat16()).float(), expected, rtol=0.05, atol=0.05)
        assert cast.calculate_A(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("stem", STRUCTURAL)
def test_a_structure_is_computed_once(stem: str) -> None:
    xi = function(stem, B, M)
    first = xi.calculate_A()
    assert xi.calculate_A() is first
    xi.double()
    assert xi.calculate_A() is not first
    assert xi.calculate_A().dtype == torch.float64


def test_parts_of_a_hybrid_are_its_own() -> None:
    hybrid = hybrid_of(["chain", "parameterized", "attention"], "weighted_sum_learned", B, M)
    parts = [*hybrid.functions.values(), hybrid.fusion_function]
    assert set(parts) <= set(hybrid.modules())
    owned = {id(tensor) for tensor in (*hybrid.parameters(), *hybrid.buffers())}
    for part in parts:
        assert {id(tensor) for tensor in (*part.parameters(), *part.buffers())} <= owned
    kept = {tensor.data_ptr() for tensor in hybrid.state_dict().values()}
    assert {tensor.data_ptr() for part in parts for tensor in part.state_dict().values()} <= kept
    assert hybrid.calculate_l() == M * M + 2 * B * 16 + 3


def test_a_hybrid_moves_with_its_parts() -> None:
    parts = ["chain", "parameterized", "cosine_similarity"]
    moved = hybrid_of(parts, "weighted_sum_learned", B, M, device="meta")
    assert {tensor.device.type for tensor in (*moved.parameters(), *moved.buffers())} == {"meta"}
    assert moved(torch.empty(B, M, device="meta")).device.type == "meta"


def test_a_constant_hybrid_keeps_its_matrix() -> None:
    hybrid, other = hybrid_of(["chain", "identity"], "sum", B, M), hybrid_of(["chain", "identity"], "mean", B, M)
    assert not torch.equal(dense(hybrid.calculate_A()), dense(other.calculate_A()))
    other.load_state_dict(_saved(hybrid))
    _same(hybrid, other)
    assert hybrid.double().calculate_A().dtype == torch.float64


@pytest.mark.parametrize("kind", TYPES)
def test_a_state_brings_its_entry(kind: str) -> None:
    first, second = function("uniform", B, M, kind, value=0.1), function("uniform", B, M, kind, value=3.0)
    assert second.calculate_A(data(B, M))[0, 0] == 3.0
    assert first.calculate_A(data(B, M))[0, 0] == 0.1
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second.calculate_A(), first.calculate_A(), rtol=0, atol=0)
    torch.testing.assert_close(second(data(B, M)), first(data(B, M)), rtol=1e-7, atol=1e-7)
