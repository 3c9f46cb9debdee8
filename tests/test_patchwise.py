"""A small ψ that all patches share: the matrix that it stands for, and the convolutions that its layers are."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from catalogue import data, dense, hybrid_of
from hybridfuse.frozen import frozen
from hybridfuse.model.channel_norm import ChannelNorm
from hybridfuse.model.rpn import Rpn
from hybridfuse.reconciliation.patchwise import Patchwise

XI = "hybridfuse.interdependence"
OF = "hybridfuse.reconciliation"
CUBOID, CYLINDER = (f"{XI}.grid_{name.lower()}_padding.Grid{name}Padding" for name in ("Cuboid", "Cylinder"))
LOWRANK = {"_target_": f"{OF}.lowrank.Lowrank", "rank": 2}
PARTS: dict[str, Any] = {
    "transformation": {"_target_": "hybridfuse.model.transformation.identity.Identity"},
    "reconciliation": {"_target_": f"{OF}.patchwise.Patchwise"},
    "remainder": {"_target_": "hybridfuse.model.remainder.zero.Zero"},
    "activation": {"_target_": "torch.nn.Tanh"},
    "hybrid": {
        "_target_": "hybridfuse.hybrid.HybridInterdependence",
        "interdependence_type": "attribute",
        "interdependence_function_configs": {},
        "fusion_function_config": {"_target_": "hybridfuse.fusion.sum.Sum"},
    },
}


def layer(target: str, patches: int, **grid: Any) -> dict[str, Any]:
    """Settings of a layer of patches."""
    functions = {"patches": {"_target_": target, **grid}}
    return {"hybrid": {"interdependence_function_configs": functions}, "reconciliation": {"patches": patches}}


def convolved(images: Tensor, psi: Tensor, bias: Tensor, inside: Tensor, step: int) -> Tensor:
    """By torch's own, the cells of a kernel that are inside in their order; a bias for each output of each patch."""
    kernel = psi.new_zeros(len(psi), images.shape[1], *inside.shape)
    kernel[:, :, inside] = psi.reshape(len(psi), images.shape[1], -1)
    found = functional.conv2d(images, kernel, stride=step, padding=len(inside) // 2)
    return found + bias.reshape(found.shape[1:])


@pytest.mark.parametrize("of_patches", [None, LOWRANK])
@pytest.mark.parametrize(("patches", "outputs", "cells"), [(1, 2, 3), (4, 1, 3), (3, 2, 1), (5, 3, 2)])
def test_psi_is_its_formula(patches: int, outputs: int, cells: int, of_patches: Any) -> None:
    psi = Patchwise(outputs * patches, cells * patches, patches=patches, reconciliation=of_patches).double()
    shared, expected = psi.shared().detach().numpy(), np.zeros((outputs * patches, cells * patches))
    assert shared.shape == (outputs, cells)
    for u, place, j in np.ndindex(outputs, patches, cells):
        expected[u * patches + place, place * cells + j] = shared[u, j]
    np.testing.assert_allclose(psi().detach(), expected, rtol=1e-12)
    x, bias = data(6, cells * patches), data(1, outputs * patches, seed=1)[0]
    mapped = psi.linear(x, bias).detach()
    np.testing.assert_allclose(mapped, x.numpy() @ expected.T + bias.numpy(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(psi.linear(x.mT.contiguous().mT, None), psi.linear(x, None))


def test_entries_start_by_the_columns_of_a_patch() -> None:
    torch.manual_seed(0)
    assert Patchwise(4 * 90, 4 * 100, patches=4).shared().std().item() == pytest.approx(0.1, rel=0.05)
    assert Patchwise(4 * 90, 4 * 100, std=0.3, patches=4).shared().std().item() == pytest.approx(0.3, rel=0.05)
    assert Patchwise(8, 16, patches=4).std == 0.5
    assert Patchwise(8, 16, patches=4, reconciliation={**LOWRANK, "std": 0.3}).shared.std == 0.3
    assert Patchwise(8, 16, 0.2, patches=4, reconciliation={**LOWRANK, "std": 0.3}).shared.std == 0.2


@pytest.mark.parametrize("target", [CUBOID, CYLINDER])
def test_layers_are_convolutions_of_each_other_s_channels(target: str) -> None:
    """Outputs and gradients of two such layers and a last one that maps everything."""
    reach = {"patch_height": 1} if target == CUBOID else {"radius": 1.0}
    inside = torch.ones(3, 3).bool() if target == CUBOID else torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]]).bool()
    steps = {"step_height": 2, "step_width": 2}
    first = layer(target, 15, width=6, channels=2, **reach, **steps)
    second = layer(target, 15, width=3, channels=4, **reach)
    torch.manual_seed(0)
    network = Rpn(7, 120, 3, **PARTS, hidden=[60, 45], layers=[first, second]).double()
    mapping: list[Any] = [step for step in network.layers if hasattr(step, "reconciliation")]
    one, two, last = mapping
    for each in (one, two, last):
        each.bias.data.normal_()
    x = data(7, 120).requires_grad_()

    hidden = convolved(x.reshape(7, 2, 10, 6), one.reconciliation.shared.weight, one.bias, inside, 2).tanh()
    hidden = convolved(hidden, two.reconciliation.shared.weight, two.bias, inside, 1).tanh()
    expected = hidden.flatten(1) @ last.reconciliation.shared.weight.T + last.bias

    torch.testing.assert_close(network(x), expected)
    inputs, weights = (x, *network.parameters()), data(7, 3, seed=2)
    gradients = (torch.autograd.grad((y * weights).sum(), inputs) for y in (network(x), expected))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(frozen(network)(x), expected)


def test_patches_are_laid_side_by_side_in_the_order_of_memory() -> None:
    """A hybrid of one function keeps no A of its own; patches then need not be copied to be mapped."""
    hybrid = hybrid_of(["grid_cuboid_padding"], "sum", 3, 30).double()
    x = data(3, 30)
    torch.testing.assert_close(hybrid(x), x @ dense(hybrid.calculate_A(x)))
    assert hybrid(x).is_contiguous()
    assert hybrid.stored is None


@pytest.mark.parametrize(
    ("stems", "fusion", "kept"),
    [
        (["chain"], "sum", False),
        (["chain"], "max", True),
        (["chain", "identity"], "sum", True),
        (["chain", "one"], "sum", False),
        (["chain", "one"], "max", True),
        (["chain", "linear"], "sum", False),
        (["chain", "parameterized"], "max", False),
    ],
)
def test_a_hybrid_keeps_what_is_fused_once(stems: list[str], fusion: str, kept: bool) -> None:
    hybrid = hybrid_of(stems, fusion, 3, 6)
    assert (hybrid.stored is not None) == kept
    x = data(3, 6, dtype=torch.float32)
    torch.testing.assert_close(hybrid(x), x @ dense(hybrid.calculate_A(x)))


def test_channels_are_normalised() -> None:
    """By the batch in training, by running means afterwards; what does not vary is 0."""
    norm, x = ChannelNorm(12, 3).double(), 3.0 * data(5, 12) + 1.0
    x[:, 4:8] = 3.0
    cells = x.numpy().reshape(5, 3, 4)
    mean, variance = cells.mean((0, 2))[:, None], cells.var((0, 2))[:, None]
    np.testing.assert_allclose(norm(x).detach(), ((cells - mean) / np.sqrt(variance + 1e-5)).reshape(5, 12), atol=1e-9)
    mean, variance = 0.1 * mean, 0.9 + 0.1 * variance * 20 / 19
    expected = ((cells - mean) / np.sqrt(variance + 1e-5)).reshape(5, 12)
    np.testing.assert_allclose(norm.eval()(x).detach(), expected, rtol=1e-9)
    (gradient,) = torch.autograd.grad(norm.train()(x.requires_grad_()).square().sum(), x)
    assert torch.isfinite(gradient).all()


def test_channels_are_normalised_between_layers() -> None:
    norm = {"_target_": "hybridfuse.model.channel_norm.ChannelNorm", "_partial_": True, "channels": 4}
    first = layer(CYLINDER, 9, width=3)
    network = Rpn(5, 9, 2, **PARTS, hybrid_layers=0, hidden=[36], normalization=norm, layers=[first])
    normalised = network.layers[1](network.layers[0](data(5, 9, dtype=torch.float32)))
    assert isinstance(network.layers[1], ChannelNorm)
    torch.testing.assert_close(normalised.reshape(5, 4, 9).mean((0, 2)), torch.zeros(4), atol=1e-5, rtol=0)


ERRORS: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: Patchwise(12, 20, patches=3),
        ValueError,
        r"^patches must divide the 12 rows and the 20 columns of ψ, got 3; the nearest that does is 2\.$",
    ),
    (lambda: Patchwise(12, 18, patches=4), ValueError, r"got 4; the nearest that does is 3\.$"),
    (lambda: Patchwise(12, 20, patches=0), ValueError, r"^patches must be >= 1, got 0\.$"),
    (
        lambda: Patchwise(4, 4, reconciliation={"_target_": "torch.nn.Identity"}),
        TypeError,
        r"^reconciliation must be of Reconciliation objects, got Identity\.$",
    ),
    (lambda: Patchwise(4, 4, reconciliation={**LOWRANK, "rank": 0}), ValueError, r"^rank must be >= 1, got 0\.$"),
    (lambda: ChannelNorm(12, 5), ValueError, r"^channels must divide the 12 attributes, got 5\.$"),
    (lambda: ChannelNorm(12, 0), ValueError, r"^channels must be >= 1, got 0\.$"),
]


@pytest.mark.parametrize(("made", "error", "sentence"), ERRORS)
def test_error(made: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        made()
