"""What is given again and again: found, kept by its entries, and the same in value and gradient."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hybridfuse.functional.repeated import Repeated
from hybridfuse.functional.stored import Stored
from hybridfuse.interdependence import BilinearLowrank, BilinearRandomMatrix
from hybridfuse.model.remainder.zero import Zero
from hybridfuse.model.rpn_layer import RpnLayer
from hybridfuse.model.transformation.identity import Identity
from hybridfuse.reconciliation import Full, Hm, Lowrank


def words(n: int = 40, d: int = 30, share: float = 0.05, dtype: torch.dtype = torch.float64) -> Tensor:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(n, d, generator=random, dtype=dtype)
    return x * (torch.rand(n, d, generator=random) < share)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the matrices that were applied by their entries."""
    seen: list[tuple[int, ...]] = []
    product: Callable[[Stored, Tensor], Tensor] = Stored.product

    def watched(self: Stored, items: Tensor) -> Tensor:
        seen.append(self.shape)
        return product(self, items)

    monkeypatch.setattr(Stored, "product", watched)
    return seen


def test_a_tensor_that_comes_again_is_kept_by_its_entries() -> None:
    x, repeated = words(), Repeated()
    assert repeated(x) is None
    kept = repeated(x)
    assert kept is not None
    assert kept is repeated(x)
    torch.testing.assert_close(kept().to_dense(), x.mT)
    assert kept().values().numel() == x.count_nonzero()
    other = words() + 0
    assert repeated(other) is None
    assert repeated(x) is None


def test_a_tensor_that_was_written_to_is_another_one() -> None:
    x, repeated = words(), Repeated()
    repeated(x)
    assert repeated(x) is not None
    x[3] += torch.eye(30, dtype=x.dtype)[2]
    kept = repeated(x)
    assert kept is not None
    torch.testing.assert_close(kept().to_dense(), x.mT)


@pytest.mark.parametrize(
    "x",
    [words(share=0.3), words().requires_grad_(), words()[0], words().to("meta")],
    ids=["dense", "grad", "row", "meta"],
)
def test_what_is_never_kept(x: Tensor) -> None:
    repeated = Repeated()
    assert [repeated(x) for _ in range(3)] == [None] * 3


def test_the_limit_is_a_tenth_of_the_entries() -> None:
    for ones, kept in ((9, True), (10, False)):
        x, repeated = torch.zeros(10, 10), Repeated()
        x.view(-1)[:ones] = 1
        repeated(x)
        assert (repeated(x) is not None) is kept


def test_what_is_remembered_is_no_part_of_a_copy() -> None:
    x, repeated = words(), Repeated()
    repeated(x)
    for copied in (copy.deepcopy(repeated), pickle.loads(pickle.dumps(repeated))):
        assert copied(x) is None
        assert copied(x) is not None


def layer(psi: nn.Module) -> RpnLayer:
    built = RpnLayer(Identity(30), psi, Zero(30, 6)).double()
    nn.init.normal_(built.bias)
    return built


@pytest.mark.parametrize("psi", [Full(6, 30), Lowrank(6, 30), Hm(6, 30)], ids=lambda psi: type(psi).__name__)
def test_a_layer_is_the_same_by_entries(psi: nn.Module, products: list[tuple[int, ...]]) -> None:
    x, network = words(), layer(psi)
    network(x)
    assert products == []
    answers = [network(given) for given in (x, words())]
    assert products == [(30, 40)]
    torch.testing.assert_close(answers[0], x @ psi().T + network.bias)
    torch.testing.assert_close(answers[0], answers[1])
    gradients = [torch.autograd.grad(answer.square().sum(), list(network.parameters())) for answer in answers]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("cls", [BilinearLowrank, BilinearRandomMatrix])
def test_entries_of_a_bilinear_form_are_the_same(cls: type, products: list[tuple[int, ...]]) -> None:
    x, form = words(), cls(40, 30, "instance").double()
    pattern = (words(40, 40) != 0).double().to_sparse_csr()
    rows, columns = pattern.to_dense().nonzero().T
    form.entries(x, pattern)
    assert products == []
    values = form.entries(x, pattern)
    assert products == [(30, 40), (30, 40)]
    expected = (x @ form.reconciliation() @ x.T)[rows, columns]
    torch.testing.assert_close(values, expected)
    parameters = list(form.parameters())
    for got, wanted in zip(
        *(torch.autograd.grad(v.square().sum(), parameters) for v in (values, expected)), strict=True
    ):
        torch.testing.assert_close(got, wanted)


def test_validation_in_inference_mode_may_be_the_first_to_see_it_again() -> None:
    x, network = words(), layer(Full(6, 30))
    with torch.inference_mode():
        network(x), network(x)
    answer = network(x)
    (gradient,) = torch.autograd.grad(answer.sum(), [network.reconciliation.weight])
    torch.testing.assert_close(gradient, torch.ones(6, 40, dtype=x.dtype) @ x)
