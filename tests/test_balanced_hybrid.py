"""A hybrid whose parts are balanced before they are fused."""

import pytest
import torch

from catalogue import BALANCES, data, dense, hybrid_of
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.base import TYPES

B, M = 6, 4
PARTS = ["linear", "chain", "parameterized"]


def _balanced(stem: str, kind: str = "attribute") -> HybridInterdependence:
    given = {"dims": [M if kind == "attribute" else B] * 3} if stem == "learned_scale" else {}
    return hybrid_of(PARTS, "sum", B, M, kind, balance=BALANCES[stem](**given)).double()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("stem", BALANCES)
def test_balanced_parts_are_fused(stem: str, kind: str) -> None:
    hybrid, x = _balanced(stem, kind), 9.0 * data(B, M)
    got = dense(hybrid.calculate_A(x))
    parts, scales = hybrid.calculate_matrices(x), hybrid.balance.scales()
    expected = sum(scale * dense(part) for scale, part in zip(scales, parts.values(), strict=True))
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(hybrid(x), x @ got if kind == "attribute" else got.T @ x)
    if stem != "learned_scale":
        assert not torch.allclose(scales, torch.ones_like(scales))


def test_learned_scales_are_parameters_of_the_hybrid() -> None:
    hybrid, x = _balanced("learned_scale"), data(B, M)
    assert hybrid.get_function_parameter_numbers() == [0, 0, M * M, 0, 3]
    assert sum(hybrid.get_function_parameter_numbers()) == hybrid.calculate_l()
    w = torch.zeros(M * M + 3, dtype=x.dtype)
    parts = [dense(part) for part in hybrid.calculate_matrices(x).values()]
    w[-2] = torch.tensor(2.0).log()
    torch.testing.assert_close(dense(hybrid.calculate_A(x, w)), parts[0] + 2.0 * parts[1])
    hybrid(x).square().sum().backward()
    assert hybrid.balance.log_scale.grad.ne(0).all()


def test_a_balance_by_configuration_is_given_its_sizes() -> None:
    target = {"_target_": "hybridfuse.balance.learned_scale.LearnedScale"}
    assert hybrid_of(PARTS, "sum", B, M, balance=target).balance.dims == [M] * 3
    with pytest.raises(TypeError, match=r"^balance must be of Balance objects, got int"):
        hybrid_of(PARTS, "sum", B, M, balance=3)
