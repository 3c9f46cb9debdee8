"""What training leaves out of a layer: entries before ψ, instances before A; nothing else, and nothing in use."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hybridfuse.functional.stored import Stored
from hybridfuse.model.rpn import Rpn

XI = "hybridfuse.interdependence"
PARTS: dict[str, Any] = {
    "transformation": {"_target_": "hybridfuse.model.transformation.identity.Identity"},
    "reconciliation": {"_target_": "hybridfuse.reconciliation.full.Full"},
    "remainder": {"_target_": "hybridfuse.model.remainder.zero.Zero"},
    "activation": {"_target_": "torch.nn.ReLU"},
}
B, M = 40, 30


def hybrid(stem: str, kind: str) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in stem.split("_"))
    return {
        "_target_": "hybridfuse.hybrid.HybridInterdependence",
        "interdependence_type": kind,
        "interdependence_function_configs": {stem: {"_target_": f"{XI}.{stem}.{name}"}},
        "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
    }


def network(outputs: int = M, **given: Any) -> Rpn:
    """A layer whose ψ copies attributes, the first ones where there are fewer outputs."""
    torch.manual_seed(0)
    made = Rpn(B, M, outputs, **{**PARTS, **given})
    made.layers[0].reconciliation.weight.data = torch.eye(outputs, M)
    return made


def items(sparse: bool) -> Tensor:
    """Positive entries, few of them if sparse."""
    torch.manual_seed(1)
    full = torch.rand(B, M) + 0.5
    return full * (torch.rand(B, M) < 0.08) if sparse else full


def shares(x: Tensor, out: Tensor) -> Tensor:
    """By what each entry that is not zero was multiplied."""
    known = x[:, : out.shape[1]]
    torch.testing.assert_close(out[known == 0], torch.zeros(int((known == 0).sum())))
    return (out / known)[known != 0].detach()


@pytest.mark.parametrize("outputs", [M, M - 5])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["attribute", "instance"])
def test_entries_are_dropped_in_training_alone_and_the_others_make_up_for_them(
    kind: str, sparse: bool, outputs: int
) -> None:
    made, x = network(outputs, hybrid=hybrid("identity", kind), input_dropout=0.6), items(sparse)
    for _ in range(3):  # by entries from the second time on, where they are few
        found = shares(x, made.train()(x))
        assert torch.isclose(found, torch.tensor(2.5)).logical_or(found == 0).all()
        assert abs(float((found == 0).float().mean()) - 0.6) < (0.2 if sparse else 0.06)
        assert len((made(x) == 0).sum(dim=1).unique()) > 1
        torch.testing.assert_close(made.eval()(x), x[:, :outputs])


def test_each_step_drops_others() -> None:
    made, x = network(input_dropout=0.5), items(sparse=True)
    outs = [made(x) for _ in range(4)]
    assert not torch.equal(outs[2], outs[3])
    assert not torch.equal(outs[1], outs[2])


@pytest.mark.parametrize("outputs", [M, M - 5])
def test_instances_are_hidden_from_all_as_wholes(outputs: int) -> None:
    made, x = network(outputs, hybrid=hybrid("identity", "instance"), instance_dropout=0.75), items(sparse=False)
    rows = shares(x, made(x)).view(B, outputs)
    torch.testing.assert_close(rows, rows[:, :1].expand(-1, outputs))
    assert sorted({round(float(row), 4) for row in rows[:, 0]}) == [0.0, 4.0]
    assert abs(float((rows[:, 0] == 0).float().mean()) - 0.75) < 0.2
    torch.testing.assert_close(made.eval()(x), x[:, :outputs])


def test_relations_and_the_remainder_see_all() -> None:
    linear = {"_target_": "hybridfuse.model.remainder.identity.Identity"}
    made, x = network(hybrid=hybrid("cosine_similarity", "instance"), input_dropout=0.6, remainder=linear), items(False)
    unit = x / x.norm(dim=1, keepdim=True)
    torch.manual_seed(3)
    out = made(x)
    torch.manual_seed(3)
    dropped = torch.nn.functional.dropout(x, 0.6)
    torch.testing.assert_close(out, (unit @ unit.T) @ dropped + x)


def test_they_are_of_the_first_layer_unless_another_says_so() -> None:
    made = network(hidden=(M, M), input_dropout=0.3, instance_dropout=0.2, layers={2: {"input_dropout": 0.1}})
    layers = made.layers[::3]
    assert [layer.input_dropout for layer in layers] == [0.3, 0.0, 0.1]
    assert [layer.instance_dropout for layer in layers] == [0.2, 0.0, 0.0]


@pytest.mark.parametrize("name", ["input_dropout", "instance_dropout"])
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_outside_its_range_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be in \[0, 1\), got {share}\.$"):
        network(**{name: share})


def test_other_values_at_the_entries_of_a_stored_matrix() -> None:
    torch.manual_seed(0)
    full = torch.randn(7, 5, dtype=torch.float64) * (torch.rand(7, 5) < 0.4)
    kept = Stored(full.to_sparse_csr())
    items = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    values = torch.randn(len(kept.values), dtype=torch.float64)
    other = torch.zeros(7, 5, dtype=torch.float64)
    other[full != 0] = values
    torch.testing.assert_close(kept.product_of(values, items), other.T @ items)
    assert torch.autograd.gradcheck(lambda given: kept.product_of(values, given), items)
    torch.testing.assert_close(kept.product(items), full.T @ items)
