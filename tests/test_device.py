"""On a GPU: the same matrices, products and gradients as on the processor, sparse ones too."""

import copy

import pytest
import torch

from catalogue import FUNCTIONS, FUSIONS, POSTPROCESSES, function, hybrid_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")


def results(module, x):
    """Output, gradient of x and gradients of the parameters, on the processor."""
    x = x.clone().requires_grad_()
    output = module(x)
    output.square().sum().backward()
    return [output.detach().cpu(), x.grad.cpu(), *(p.grad.cpu() for p in module.parameters())]


def assert_same_on_gpu(module, x):
    expected = results(copy.deepcopy(module), x)
    found = results(copy.deepcopy(module).cuda(), x.cuda())
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["attribute", "instance"])
@pytest.mark.parametrize("stem", FUNCTIONS)
def test_function(stem, kind):
    x = torch.randn(6, 5, dtype=torch.float64)
    assert_same_on_gpu(function(stem, 6, 5, kind).double(), x)


@pytest.mark.parametrize("parts", [["chain", "identity"], ["chain", "cosine_similarity"], ["bilinear", "attention"]])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_fusion(fusion, parts):
    x = torch.randn(6, 5, dtype=torch.float64)
    assert_same_on_gpu(hybrid_of(parts, fusion, 6, 5).double(), x)


@pytest.mark.parametrize("parts", [["chain", "identity"], ["chain", "cosine_similarity"]])
@pytest.mark.parametrize("stem", POSTPROCESSES)
def test_postprocess(stem, parts):
    x = torch.randn(6, 5, dtype=torch.float64)
    assert_same_on_gpu(hybrid_of(parts, "sum", 6, 5, postprocess=POSTPROCESSES[stem]()).double(), x)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_mixed_precision(stem):
    module = function(stem, 64, 32, "instance").cuda()
    x = torch.randn(64, 32, device="cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        half = module(x)
    torch.testing.assert_close(half.float(), module(x), rtol=0.05, atol=0.05 * float(module(x).abs().max()))
