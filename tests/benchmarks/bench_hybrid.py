"""What a hybrid costs by the path that it takes, beside building its matrix. Nothing is asserted.

python tests/benchmarks/bench_hybrid.py                     all of it, on two threads
python tests/benchmarks/bench_hybrid.py --only cora mean    cases whose names hold one of these words

Graph attention as of RPN 2 is graph x bilinear_lowrank by `prod`, then a softmax over the links of each column. Each
case runs in a process of its own; time is the least of several, memory the most held beyond the inputs and the graph.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
from bench_interdependence import peak  # noqa: E402

from hybridfuse import allocation  # noqa: E402
from hybridfuse.functional import layout  # noqa: E402
from hybridfuse.fusion.mean import Mean  # noqa: E402
from hybridfuse.fusion.prod import Prod  # noqa: E402
from hybridfuse.hybrid import HybridInterdependence  # noqa: E402
from hybridfuse.interdependence.bilinear_lowrank import BilinearLowrank  # noqa: E402
from hybridfuse.interdependence.chain import Chain  # noqa: E402
from hybridfuse.interdependence.graph import Graph  # noqa: E402
from hybridfuse.interdependence.identity import Identity  # noqa: E402
from hybridfuse.interdependence.parameterized_lowrank import ParameterizedLowrank  # noqa: E402
from hybridfuse.postprocess.column import Column  # noqa: E402
from hybridfuse.postprocess.softmax_column import SoftmaxColumn  # noqa: E402

FEATURES, RANK = 64, 8
FIT = 1 << 29
"""Numbers of a dense matrix that fit: 2 GB, of which the plain way holds some."""


class Case(NamedTuple):
    """A hybrid and its data."""

    hybrid: HybridInterdependence
    x: Tensor
    plain: Callable[[Tensor], Tensor] | None


def attention(nodes: int, links: int) -> Case:
    """Graph attention on random links."""
    generator = torch.Generator().manual_seed(0)
    ends = torch.randint(0, nodes, (links, 2), generator=generator)
    graph = Graph(nodes, FEATURES, "instance", links=ends, directed=False, self_dependence=True, normalization=Column())
    bilinear = BilinearLowrank(nodes, FEATURES, "instance", rank=RANK)
    hybrid = HybridInterdependence(
        nodes,
        FEATURES,
        "instance",
        interdependence_functions=[graph, bilinear],
        fusion_function=Prod(),
        postprocess=SoftmaxColumn(),
    )

    def plain(x: Tensor) -> Tensor:
        weights = layout.dense(graph.calculate_A(x))
        scores = (weights * bilinear.calculate_A(x)).masked_fill(weights == 0, -torch.inf)
        return scores.softmax(dim=0).mT @ x

    return Case(hybrid, torch.randn(nodes, FEATURES, generator=generator), plain if nodes**2 < FIT else None)


def mean(m: int, b: int, last: type[BilinearLowrank] | type[ParameterizedLowrank]) -> Case:
    """The mean of identity, chain and a function of low rank."""
    parts = [Identity(b, m), Chain(b, m), last(b, m, rank=RANK)]
    hybrid = HybridInterdependence(b, m, interdependence_functions=parts, fusion_function=Mean())

    def plain(x: Tensor) -> Tensor:
        return x @ torch.stack([layout.dense(part.calculate_A(x)) for part in parts]).mean(dim=0)

    return Case(hybrid, torch.randn(b, m, generator=torch.Generator().manual_seed(0)), plain)


CASES: dict[str, Callable[[], Case]] = {
    "attention, Cora-sized: 2,708 nodes, 5,278 links": lambda: attention(2_708, 5_278),
    "attention, Pubmed-sized: 19,717 nodes, 44,000 links": lambda: attention(19_717, 44_000),
    "attention, 1,000,000 nodes, 5,000,000 links": lambda: attention(1_000_000, 5_000_000),
    "mean with bilinear_lowrank, m = 4096, b = 256": lambda: mean(4096, 256, BilinearLowrank),
    "mean with parameterized_lowrank, m = 4096, b = 256": lambda: mean(4096, 256, ParameterizedLowrank),
    "mean with bilinear_lowrank, m = 64, b = 64": lambda: mean(64, 64, BilinearLowrank),
    "mean with parameterized_lowrank, m = 64, b = 64": lambda: mean(64, 64, ParameterizedLowrank),
}


def least(call: Callable[[], object], seconds: float = 2.0) -> float:
    """The least seconds of a call, after one to warm up."""
    call()
    times: list[float] = []
    while not times or (sum(times) < seconds and len(times) < 200):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def measured(name: str, threads: int, plainly: bool) -> tuple[float, float, float]:
    """Seconds forward, seconds with backward, and megabytes of a case, by its path or plainly; NaN if not possible."""
    allocation.keep_freed()
    torch.set_num_threads(threads)
    case = CASES[name]()
    call = case.plain if plainly else case.hybrid
    if call is None:
        return math.nan, math.nan, math.nan
    given = case.x.requires_grad_()

    def forward() -> Tensor:
        with torch.no_grad():
            return call(given)

    def both() -> None:
        call(given).square().sum().backward()

    memory = peak(both)  # first, since memory that has been freed is not all given back
    return least(forward), least(both), memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {given.threads} threads, float32\n")
    print("| hybrid | forward ms | + backward ms | MB | built: forward ms | + backward ms | MB | times faster |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in CASES:
        if given.only and not any(word.lower() in name.lower() for word in given.only):
            continue
        results: list[float] = []
        for plainly in (False, True):
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                results += pool.submit(measured, name, given.threads, plainly).result()
        times = [f"{1e3 * value:.4g}" if index % 3 < 2 else f"{value:.0f}" for index, value in enumerate(results)]
        ratio = f"{results[3] / results[0]:.3g}, {results[4] / results[1]:.3g}"
        print("| " + " | ".join([name, *times, ratio]) + " |", flush=True)


if __name__ == "__main__":
    main()
