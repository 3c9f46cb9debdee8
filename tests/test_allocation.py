"""Memory that is kept when it is freed: tensors made again and again cost no new pages."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from hybridfuse import allocation

if "keep" in sys.argv:
    allocation.keep_freed()
rows = torch.ones(1024, 1024)

def step():
    a, b = rows * 2.0, rows * 3.0
    return (a + b).square().sum().item()

for _ in range(20):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*words: str) -> int:
    return int(
        subprocess.run([sys.executable, "-c", FAULTS, *words], capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told what to keep")
def test_tensors_of_later_steps_take_the_memory_of_earlier_ones() -> None:
    pages = 20 * 4 * 2**20 // 4096  # of one tensor in each step
    assert faults("keep") < pages / 10, "a step asks for new pages"
    assert faults() > pages / 2, "without it, no step would ask for new pages: nothing is tested"


def test_training_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from hybridfuse import allocation, training

    asked: list[bool] = []
    monkeypatch.setattr(allocation, "keep_freed", lambda: asked.append(True))
    with pytest.raises(AttributeError):
        training.read(None)  # pyright: ignore[reportArgumentType]
    assert asked
