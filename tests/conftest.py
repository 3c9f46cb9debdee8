"""Has the shape annotations of the pure functions checked at run time, in every test."""

import gc
from collections.abc import Iterator

import pytest
import torch
from jaxtyping import install_import_hook

install_import_hook(
    ["hybridfuse.functional", "hybridfuse.postprocess", "hybridfuse.reconciliation"], "beartype.beartype"
)


def pytest_collection_finish() -> None:
    """Leaves what thousands of tests are described by out of every later search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Training has torch deterministic from then on, which no other test should depend on."""
    yield
    torch.use_deterministic_algorithms(False)
