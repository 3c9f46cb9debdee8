"""What each fusion costs beside a stack that is reduced, and beside the paper's library. Nothing is asserted.

python tests/benchmarks/bench_fusion.py                    all of it, on two threads
python tests/benchmarks/bench_fusion.py --only prod max    fusions whose names hold one of these words
python tests/benchmarks/bench_fusion.py --sizes 512        matrices of 512²

For k = 4 and 16 matrices, forward and forward with backward, in milliseconds: ours, `torch.stack(...)` reduced, the
library; then how many times as long the other takes, in the worst of both modes. Below each table and each size, the
geometric means of these ratios: of both modes, each counted by itself, and of the worst. Gradients are those of the
matrices and of parameters. Times are the least of several. Memory is what forward allocates beyond its
inputs, in matrices, from a list and from an iterator that makes them; least is the time to read k matrices and write
one, at the rate of a large copy. Ours and the stacks keep freed memory, as in training; the library, in a process of
its own, does not, as it is used, or does with --kept. Prints Markdown, in minutes.
"""

import argparse
import math
import multiprocessing
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
from bench_interdependence import bandwidth, peak  # noqa: E402

from catalogue import FUSIONS, fusion_of  # noqa: E402
from hybridfuse import allocation  # noqa: E402

try:
    from tinybig import fusion as library
except ImportError:
    library = None

Reduce = Callable[[torch.Tensor], torch.Tensor]
PLAIN: dict[str, Reduce] = {
    "sum": lambda stack: stack.sum(dim=0),
    "mean": lambda stack: stack.mean(dim=0),
    "max": lambda stack: stack.amax(dim=0),
    "min": lambda stack: stack.amin(dim=0),
    "prod": lambda stack: stack.prod(dim=0),
    "median": lambda stack: stack.median(dim=0).values,
    "l1_norm": lambda stack: stack.abs().sum(dim=0),
    "l2_norm": lambda stack: stack.norm(dim=0),
    "geometric_mean": lambda stack: stack.abs().log().mean(dim=0).exp(),
    "harmonic_mean": lambda stack: len(stack) / stack.reciprocal().sum(dim=0),
    "logsumexp": lambda stack: stack.logsumexp(dim=0),
    "trimmed_mean": lambda stack: stack.sort(dim=0).values[len(stack) // 4 : -(len(stack) // 4)].mean(dim=0),
    "weighted_sum": lambda stack: torch.tensordot(torch.full((len(stack),), 0.5), stack, dims=1),
    "weighted_sum_learned": lambda stack: torch.tensordot(torch.full((len(stack),), 0.5), stack, dims=1),
    "gated": lambda stack: torch.tensordot((stack.mean((1, 2)) + stack.abs().mean((1, 2))).softmax(0), stack, dims=1),
    "attention": lambda stack: ((stack.mean(2, True) + stack.abs().mean(2, True)).softmax(0) * stack).sum(dim=0),
    "metric": lambda stack: (stack.square().mean(dim=0) + 1.0).sqrt(),
    "concatenation": lambda stack: torch.cat(list(stack), dim=1),
}
"""What one would write."""
LIBRARY = {
    "sum": "sum_fusion",
    "mean": "mean_fusion",
    "max": "max_fusion",
    "min": "min_fusion",
    "prod": "prod_fusion",
    "median": "median_fusion",
    "l1_norm": "l1_norm_fusion",
    "l2_norm": "l2_norm_fusion",
    "weighted_sum": "weighted_summation_fusion",
    "weighted_sum_learned": "parameterized_weighted_summation_fusion",
    "concatenation": "concatenation_fusion",
    "concatenation_learned": "parameterized_concatenation_fusion",
    "concatenation_lowrank": "lowrank_parameterized_concatenation_fusion",
    "concatenation_hm": "hm_parameterized_concatenation_fusion",
    "concatenation_lphm": "lphm_parameterized_concatenation_fusion",
    "concatenation_dual_lphm": "dual_lphm_parameterized_concatenation_fusion",
    "concatenation_random_matrix": "random_matrix_adaption_parameterized_concatenation_fusion",
}
SLOW = {"similarity_network"}
HEADER = ("fusion", "forward", "stack", "library", "+ backward", "stack", "library", "× stack", "× library")
HEADER += ("memory, list", "iterator")
Call = Callable[[list[torch.Tensor]], torch.Tensor]
Form = tuple[Call, list[torch.Tensor]]
"""A fusion, and its parameters."""


def theirs(stem: str, n: int, k: int) -> Form | None:
    """The library's fusion, its parameters drawn; None where it has none."""
    if library is None or stem not in LIBRARY:
        return None
    module = {"l1_norm": "metric_fusion", "l2_norm": "metric_fusion"}.get(stem)
    found = getattr(__import__(f"tinybig.fusion.{module}", fromlist=["x"]) if module else library, LIBRARY[stem])
    options: dict[str, Any] = {"weights": torch.full((k,), 0.5)} if stem == "weighted_sum" else {}
    if stem.endswith("hm"):
        options |= {"p": 8, "q": 8}
    if stem.endswith(("lphm", "lowrank", "random_matrix")):
        options["r"] = 2
    built = found(dims=[n] * k, **options)
    if not built.require_parameters:
        return lambda matrices: built(matrices), []
    length = built.calculate_l()
    w = torch.randn(length if stem == "weighted_sum_learned" else (1, length), requires_grad=True)
    return lambda matrices: built(matrices, w=w), [w]


def stacked(stem: str, k: int) -> Form | None:
    if stem == "weighted_sum_learned":
        weights = torch.full((k,), 0.5, requires_grad=True)
        return lambda matrices: torch.tensordot(weights, torch.stack(matrices), dims=1), [weights]
    return (lambda matrices: PLAIN[stem](torch.stack(matrices)), []) if stem in PLAIN else None


def backward(form: Form, matrices: list[torch.Tensor]) -> Callable[[], None]:
    """The gradient must exist already and be no view of one number, as within a network."""
    call, parameters = form
    slope = torch.randn_like(call(matrices).detach())

    def run() -> None:
        given = [matrix.detach().requires_grad_() for matrix in matrices]
        torch.autograd.grad(call(given), [*given, *parameters], slope, allow_unused=True)

    return run


clock = time.perf_counter


def least(calls: list[Callable[[], object] | None], seconds: float) -> list[float]:
    """The least time of each, in turns; once is enough for what takes seconds."""
    times: list[list[float]] = [[] for _ in calls]
    begin = time.perf_counter()
    while (taken := time.perf_counter() - begin) < seconds * len(calls) or (len(times[0]) < 2 and taken < 2.0):
        for call, found in zip(calls, times, strict=True):
            if call is not None:
                start = clock()
                call()
                found.append(clock() - start)
    return [1e3 * min(found) if found else math.nan for found in times]


def without_gradients(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return call()

    return run


def drawn(n: int, k: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.rand(n, n) + 0.1 for _ in range(k)]


def timed(forms: list[Form | None], matrices: list[torch.Tensor], seconds: float) -> tuple[list[float], list[float]]:
    """The least time of each, forward and with backward."""
    forward = least([form and without_gradients(lambda form=form: form[0](matrices)) for form in forms], seconds)
    return forward, least([form and backward(form, matrices) for form in forms], seconds)


def timed_library(stem: str, n: int, k: int, seconds: float) -> tuple[list[float], list[float]]:
    return timed([theirs(stem, n, k)], drawn(n, k), seconds)


def row(stem: str, n: int, k: int, seconds: float, beside: ProcessPoolExecutor) -> list[tuple[float, float]]:
    """Prints one line; how many times as long the plain form and the library take, forward and with backward."""
    matrices = drawn(n, k)
    ours = fusion_of(stem, [n] * k, **({"weights": [0.5] * k} if stem == "weighted_sum" else {}))
    of_library = beside.submit(timed_library, stem, n, k, seconds).result()
    of_ours = timed([(ours, list(ours.parameters())), stacked(stem, k)], matrices, seconds)
    forward, both = (own + other for own, other in zip(of_ours, of_library, strict=True))
    size = 4 * n * n / 2**20
    with torch.no_grad():
        held = peak(lambda: ours(matrices)) / size
        streamed = peak(lambda: ours(_made(k, n))) / size
    ratios = [(forward[i] / forward[0], both[i] / both[0]) for i in (1, 2)]
    shown = [f"{value:.2f}" for value in (*forward, *both, *map(min, ratios))] + [f"{held:.1f}", f"{streamed:.1f}"]
    print(_line([stem, *shown]).replace("nan", ""), flush=True)
    return ratios


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine(threads: int, rate: float) -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"{name}, {threads} threads, copy {rate / 1e9:.1f} GB/s, {platform.system()}, {versions}"


def _made(k: int, n: int) -> Iterator[torch.Tensor]:
    for _ in range(k):
        yield torch.rand(n, n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--sizes", nargs="*", type=int, default=[512, 2048])
    parser.add_argument("--counts", nargs="*", type=int, default=[4, 16])
    parser.add_argument("--seconds", type=float, default=0.2, help="for each form and mode")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--busy", action="store_true", help="on a busy machine: processor time, of one thread")
    parser.add_argument("--kept", action="store_true", help="keep freed memory for the library, too")
    given = parser.parse_args()
    threads = 1 if given.busy else given.threads
    prepare(threads, given.busy, kept=True)
    rate = bandwidth()
    print(_machine(threads, rate) + "; milliseconds.")
    spawning, options = multiprocessing.get_context("spawn"), (threads, given.busy, given.kept)
    with ProcessPoolExecutor(1, spawning, initializer=prepare, initargs=options) as beside:
        for n in given.sizes:
            floors = {k: 4e3 * n * n * (k + 1) / rate for k in given.counts}
            found = [table(n, k, given.only, given.seconds, floor, beside) for k, floor in floors.items()]
            print(f"\n## All of {n}²\n")
            summary([ratios for some in found for ratios in some])


def prepare(threads: int, busy: bool, kept: bool) -> None:
    """What a process needs before it measures."""
    global clock
    clock = time.process_time if busy else time.perf_counter
    if kept:
        allocation.keep_freed()
    torch.set_num_threads(threads)
    torch.ones(1, requires_grad=True).sum().backward()  # what torch loads for its first gradient is no fusion's cost


def table(
    n: int, k: int, words: list[str], seconds: float, floor: float, beside: ProcessPoolExecutor
) -> list[list[tuple[float, float]]]:
    print(f"\n## {k} matrices of {n}², least {floor:.2f} ms\n")
    print(_line(HEADER), _line(["---", *["--:"] * (len(HEADER) - 1)]), sep="\n")
    chosen = [stem for stem in FUSIONS if not words or any(word in stem for word in words)]
    found = [row(stem, n, k, seconds, beside) for stem in chosen if stem not in SLOW or n <= 512]
    print()
    summary(found)
    return found


def summary(found: list[list[tuple[float, float]]]) -> None:
    for index, name in enumerate(("torch.stack", "the library")):
        known = [ratios[index] for ratios in found if not math.isnan(ratios[index][0])]
        if known:
            print(f"Beside {name}, {len(known)} rows: {_means(known)}.")


def _means(ratios: list[tuple[float, float]]) -> str:
    """Geometric means and the least of some fusions' ratios."""
    forward, both = zip(*ratios, strict=True)
    kinds = {"both modes": forward + both, "forward": forward, "+ backward": both, "worst": tuple(map(min, ratios))}
    means = ", ".join(f"{name} × {statistics.geometric_mean(kind):.2f}" for name, kind in kinds.items())
    return f"geometric mean of {means}; least × {min(kinds['worst']):.2f}"


if __name__ == "__main__":
    main()
