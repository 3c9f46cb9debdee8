"""Constant matrices are fused once: as long as they stay, and with the numbers that fusing them anew has."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from catalogue import FUSIONS, data, dense, hybrid_of
from hybridfuse.functional.fused import Fused
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.interdependence.cosine_similarity import CosineSimilarity

B, M = 6, 5
PARAMETERLESS = [stem for stem in FUSIONS if not hybrid_of(["chain", "chain"], stem, B, M).require_parameters]


def _rows(seed: int) -> Tensor:
    return data(40, M, seed, dtype=torch.float32)


def _hybrid(fusion: str, *stems: str) -> tuple[HybridInterdependence, CosineSimilarity, list[Any]]:
    """A hybrid, its function that has a reference, and what is to hold an entry for each time that it was fused."""
    hybrid = hybrid_of(["cosine_similarity", *stems], fusion, B, M)
    reference = next(part for part in hybrid.interdependence_functions if isinstance(part, CosineSimilarity))
    reference.fit_reference([_rows(0)])
    fused: list[Any] = []
    hybrid.fusion_function.register_forward_hook(lambda *given: fused.append(given))
    return hybrid, reference, fused


def _anew(hybrid: HybridInterdependence, x: Tensor) -> Tensor:
    """What it gives without anything that it keeps."""
    return copy.deepcopy(hybrid)(x)


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize("fusion", PARAMETERLESS)
def test_the_numbers_are_those_of_fusing_anew(fusion: str, graded: bool) -> None:
    hybrid, _, _ = _hybrid(fusion, "chain")
    with torch.set_grad_enabled(not graded):
        hybrid(_rows(1))
    with torch.set_grad_enabled(graded):
        assert torch.equal(hybrid(_rows(1)), _anew(hybrid, _rows(1)))
        hybrid.double()
        assert torch.equal(hybrid(_rows(2).double()), _anew(hybrid, _rows(2).double()))


def test_constant_matrices_are_fused_once_until_one_changes() -> None:
    hybrid, reference, fused = _hybrid("max", "chain")
    for seed in (1, 2):
        hybrid(_rows(seed))
    assert len(fused) == 1
    for change in (
        lambda: reference.fit_reference([_rows(3)]),
        lambda: hybrid.load_state_dict(_hybrid("max", "chain")[0].state_dict()),
        lambda: reference.get_buffer("reference.values").mul_(0.5),
    ):
        before = hybrid(_rows(1))
        count = len(fused)
        change()
        after = hybrid(_rows(1))
        assert len(fused) == count + 1
        assert torch.equal(after, _anew(hybrid, _rows(1)))
        assert not torch.equal(after, before)


def test_what_is_not_constant_is_fused_for_each_batch() -> None:
    for fusion, stems in (("max", ["parameterized_lowrank"]), ("max", ["linear"]), ("gated", ["chain"])):
        hybrid, _, fused = _hybrid(fusion, *stems)
        for seed in (1, 2):
            hybrid(_rows(seed))
        assert len(fused) == 2, (fusion, stems)
    hybrid, reference, fused = _hybrid("max", "chain")
    reference.reference = None
    assert not torch.equal(hybrid(_rows(1))[:3], hybrid(torch.cat([_rows(1)[:3], _rows(2)]))[:3])
    assert len(fused) == 2


def test_mixed_precision_and_numberless_items_leave_nothing_behind() -> None:
    kept, items, constant = Fused(), torch.zeros(3, 2), torch.ones(3, 3)
    built = [torch.full((3, 3), float(index)) for index in range(4)]
    remaining = iter(built)

    def matrix(items: Tensor) -> Tensor:
        return kept(items, lambda: [constant], lambda: next(remaining))

    with torch.autocast("cpu"):
        assert matrix(items) is built[0]
    assert matrix(items.to("meta")) is built[1]
    assert matrix(items) is matrix(items) is built[2]
    assert matrix(items.bfloat16()) is built[3]


def test_a_kept_sparse_matrix_is_made_dense_once() -> None:
    hybrid, _, _ = _hybrid("max", "chain")
    chain = hybrid.functions["chain"]
    items = _rows(1).mT
    first = chain.relate_dense(items)
    assert first is chain.relate_dense(items)
    assert torch.equal(first, dense(chain.relate(items)))
    assert chain.double().relate_dense(items.double()).dtype == torch.float64
