"""The catalogue page: every function, what it says of itself, and whether that is so."""

import subprocess
import sys

import pytest
import torch

from catalogue import DATA_DEPENDENT, FUSIONS, XIS, data, function, fusion_of, sparse_matrix
from hybridfuse import catalogue

B, M = 6, 5
LEARNS = 2
"""Which of the facts of a function tells whether it learns."""
ON_REQUEST = [stem for stem in XIS if catalogue.entry(stem, XIS[stem]).facts[LEARNS] == "on request"]
PAGE = catalogue.page()
FUNCTIONS, _, FUSED = PAGE.partition("\n# Fusions\n")


@pytest.mark.parametrize("stem", XIS)
def test_a_function_has_its_row_and_its_section(stem: str) -> None:
    one = catalogue.entry(stem, XIS[stem])
    assert f"| [{stem}](#{stem}) | {one.facts[0]} |" in FUNCTIONS
    _has_a_section(stem, one, FUNCTIONS)
    assert one.facts[0], "the docstring must state the range of entries as `In [0, 1]`"
    assert one.facts[-1], "the class must state its cost"


@pytest.mark.parametrize("stem", FUSIONS)
def test_a_fusion_has_its_row_and_its_section(stem: str) -> None:
    one = catalogue.entry(stem, FUSIONS[stem])
    assert f"| [{stem}](#fusion-{stem}) | {' | '.join(one.facts)} |" in FUSED
    _has_a_section(f"fusion {stem}", one, FUSED)


def _has_a_section(title: str, one: catalogue.Entry, chapter: str) -> None:
    section = chapter.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert one.summary in section
    assert f"$$\n{one.formula}\n$$" in section
    for name, text in one.parameters.items():
        assert f"- `{name}`: {text}" in section
        assert text


@pytest.mark.parametrize("kind", ["attribute", "instance"])
@pytest.mark.parametrize("stem", XIS)
def test_stated_facts_are_so(stem: str, kind: str) -> None:
    cls, xi = XIS[stem], function(stem, B, M, kind)
    common = data(B, 1, seed=1) * data(1, M, seed=2)  # without it, a shrunk correlation may be none at all
    x = (data(B, M) + 2.0 * common).float().requires_grad_()
    matrix = xi.calculate_A(x)
    assert (matrix.layout == torch.sparse_csr) == cls.sparse
    if cls.require_data:
        values = matrix.values() if cls.sparse else matrix
        (gradient,) = (
            torch.autograd.grad(values.square().sum(), x, allow_unused=True) if values.requires_grad else [None]
        )
        assert (gradient is not None and bool(gradient.ne(0).any())) == cls.differentiable
    learns = catalogue.entry(stem, cls).facts[LEARNS]
    assert (learns == "yes") == xi.require_parameters


@pytest.mark.parametrize("stem", FUSIONS)
def test_stated_facts_of_a_fusion_are_so(stem: str) -> None:
    fusion = fusion_of(stem, [M, M]).double()
    learns, any_order, sparse, _ = catalogue.entry(stem, FUSIONS[stem]).facts
    assert (learns == "yes") == fusion.require_parameters
    assert (any_order == "yes") == fusion.symmetric
    one, other, thin = data(M, M), data(M, M, seed=1), sparse_matrix(M, M)
    for given, stated in (([one, other], ""), ([thin, one], "one"), ([thin, thin], "all")):
        found = fusion([matrix.abs() for matrix in given])
        assert (found.layout != torch.strided) == (sparse in ("one", stated) and sparse != "" and stated != "")


@pytest.mark.parametrize(
    "stem", [stem for stem in XIS if catalogue.entry(stem, XIS[stem]).facts[LEARNS] == "on request"]
)
def test_what_learns_on_request_does(stem: str) -> None:
    xi = function(stem, B, M, learnable=True)
    assert xi.require_parameters
    xi.calculate_A(data(B, M, dtype=torch.float32)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.ne(0).all() for parameter in xi.parameters())


def test_no_gradient_is_stated_of_few() -> None:
    assert {stem for stem in DATA_DEPENDENT if not XIS[stem].differentiable} <= {"spearman_correlation", "knn_graph"}


@pytest.mark.slow
def test_the_page_is_printed() -> None:
    command = [sys.executable, "-m", "hybridfuse.catalogue"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == PAGE + "\n"
