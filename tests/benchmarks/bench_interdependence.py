"""What each ξ costs: time, peak memory, share of the machine's rate, beside the paper's library. Nothing is asserted.

python tests/benchmarks/bench_interdependence.py                   all of it, on two threads
python tests/benchmarks/bench_interdependence.py --only rbf chain  the functions whose names hold one of these words
python tests/benchmarks/bench_interdependence.py --peer            with the paper's library, minutes for each size
"""

import argparse
import ctypes
import gc
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import peer  # noqa: E402

from catalogue import DATA_DEPENDENT, XIS, options  # noqa: E402
from hybridfuse import allocation  # noqa: E402

DENSE = [stem for stem, cls in XIS.items() if stem in DATA_DEPENDENT or cls.bound_sizes]
STRUCTURAL = [stem for stem in XIS if stem not in DENSE]
SIZES = [(128, 64), (512, 256), (2048, 512)]
GRIDS = [(28, 28, 1, 1), (28, 28, 1, 2), (64, 64, 3, 1), (64, 64, 3, 2)]
HEADER = ("function", "size", "forward ms", "+ backward ms", "peak MB", "of machine", "library ms", "ratio")
FORMAT = "{:<28} {:>14} {:>11} {:>14} {:>9} {:>11} {:>11} {:>8}"


def median(call: Callable[[], object], seconds: float = 0.2, most: int = 20) -> float:
    """Median seconds of a call, after one to warm up; twice is enough for what takes long, once for minutes."""
    times: list[float] = []
    for _ in range(2):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
        if times[0] > 20 * seconds:
            return times[0]
    if times[1] > 4 * seconds:
        return times[1]
    times = []
    while len(times) < 3 or (sum(times) < seconds and len(times) < most):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def beside(call: Callable[[], object], other: Callable[[], object], seconds: float = 0.5) -> tuple[float, float]:
    """Median seconds of two calls that take turns, so that a busy moment of the machine meets both."""
    ours: list[float] = []
    theirs: list[float] = []
    while len(ours) < 3 or sum(ours) + sum(theirs) < seconds:
        for times, one in ((ours, call), (theirs, other)):
            begin = time.perf_counter()
            one()
            times.append(time.perf_counter() - begin)
        if theirs[0] > 4 * seconds:
            break
    return statistics.median(ours), statistics.median(theirs)


def peak(call: Callable[[], object]) -> float:
    """Most megabytes that a call holds beyond what was held before; from the kernel's high-water mark (Linux)."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is held for reuse would hide what is needed
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return math.nan
    before = _status("VmRSS")
    call()
    return max(_status("VmHWM") - before, 0) / 1024


def _status(key: str) -> float:
    text = Path("/proc/self/status").read_text()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(key)))


def gemm_seconds(n: int, d: int) -> float:
    """Of the bare product of (n, d) and (d, n)."""
    items = torch.randn(n, d)
    return median(lambda: items @ items.mT)


def bandwidth() -> float:
    """Bytes a second of a large copy, read and written."""
    source = torch.randn(1 << 25)
    target = torch.empty_like(source)
    return 8 * source.numel() / median(lambda: target.copy_(source))


def backward(call: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Callable[[], None]:
    def run() -> None:
        given = x.detach().requires_grad_()
        call(given).sum().backward()

    return run


def row(name: str, size: str, call: Any, x: torch.Tensor, share: str, other: Any) -> float:
    """Prints one line; the ratio of the library's time to ours, NaN without it. A GEMM is compared with A alone."""
    with torch.no_grad():
        forward = median(lambda: call(x))
        compared = median(lambda: call.calculate_A(x)) if share.startswith("gemm") else forward
        memory = peak(lambda: call(x))
    both = median(backward(call, x))
    ours, theirs = forward, math.nan
    if other is not None:
        with torch.no_grad():
            ours, theirs = beside(lambda: call(x), lambda: other(x))
    shown = (f"{1e3 * forward:.2f}", f"{1e3 * both:.2f}", f"{memory:.0f}", _of(share, compared))
    library = ("", "") if math.isnan(theirs) else (f"{1e3 * theirs:.1f}", f"x {theirs / ours:.2f}")
    print(FORMAT.format(name, size, *shown, *library), flush=True)
    return theirs / ours


def _of(share: str, seconds: float) -> str:
    """`gemm <seconds>` or `copy <seconds>`: how many times that this took."""
    word, least = share.split()
    return f"{word} x {seconds / float(least):.1f}"


def chosen(stems: list[str], words: list[str]) -> list[str]:
    return [stem for stem in stems if not words or any(word in stem for word in words)]


def dense(words: list[str], with_peer: bool) -> None:
    """Functions of data and learned ones, on the attribute axis: n = m items of d = b features."""
    stems = chosen(DENSE, words)
    for b, m in SIZES:
        x, gemm = torch.randn(b, m), gemm_seconds(m, b)
        ratios: dict[str, float] = {}
        for stem in stems:
            torch.manual_seed(0)
            xi = XIS[stem](b, m, **options(stem, m))
            other = peer.function(stem, b, m) if with_peer else None
            ratios[stem] = row(stem, f"({b}, {m})", xi, x, f"gemm {gemm}", other)
        summary(f"({b}, {m})", ratios)


def summary(size: str, ratios: dict[str, float]) -> None:
    known = {stem: ratio for stem, ratio in ratios.items() if not math.isnan(ratio)}
    kernels = [ratio for stem, ratio in known.items() if stem in DATA_DEPENDENT and not XIS[stem].bound_sizes]
    for name, values in (("all", list(known.values())), ("numeric and statistical kernels", kernels)):
        if values:
            print(f"   {size}: geometric mean x {statistics.geometric_mean(values):.1f} of {len(values)}, {name}")
    if known:
        least = min(known, key=lambda stem: known[stem])
        print(f"   {size}: least x {known[least]:.1f}, {least}")


def structures(words: list[str], with_peer: bool) -> None:
    """Chains and constants of 512 attributes, built and applied to 2048 rows."""
    b, m = SIZES[-1]
    x, copy = torch.randn(b, m), 8 * b * m / bandwidth()
    graphs = [stem for stem in STRUCTURAL if stem.endswith("graph") or stem.startswith("grid")]
    ratios: dict[str, float] = {}
    for stem in chosen([stem for stem in STRUCTURAL if stem not in graphs], words):
        other = peer.function(stem, b, m) if with_peer else None
        ratios[stem] = row(stem, f"({b}, {m})", XIS[stem](b, m, **options(stem, m)), x, f"copy {copy}", other)
    summary("structures", ratios)


def links(n: int, a_node: int = 5) -> torch.Tensor:
    """Distinct random links, so many a node on average, as PyG has them: (2, z)."""
    drawn = torch.randint(n, (2, a_node * n), generator=torch.Generator().manual_seed(0))
    return drawn[:, drawn[0] != drawn[1]]


def graphs(words: list[str], with_peer: bool) -> None:
    """Graphs of 5 links a node on the instance axis, 64 features; least: the links' values and indices, x and A x."""
    for n in (5_000, 1_000_000):
        x, drawn = torch.randn(n, 64), links(n)
        least = (20 * drawn.shape[1] + 4 * 64 * (drawn.shape[1] + n)) / bandwidth()
        ratios: dict[str, float] = {}
        for stem in chosen([stem for stem in STRUCTURAL if stem.endswith("graph")], words):
            begin = time.perf_counter()
            xi = XIS[stem](n, 64, "instance", links=drawn)
            built = time.perf_counter() - begin
            other = None
            if with_peer and n <= 5_000 and stem in peer.NAMES:
                pairs = {"nodes": list(range(n)), "links": [tuple(link) for link in drawn.T.tolist()]}
                other = peer.function(stem, n, 64, "instance", **pairs)
                other(x)  # which keeps A, as ours does
            ratios[stem] = row(f"{stem} (built {built:.1f} s)", f"({n}, 64)", xi, x, f"copy {least}", other)
        summary(f"graph of {n} nodes", ratios)


def grids(words: list[str], with_peer: bool) -> None:
    """Grids with padding and aggregation, normalised, for 128 rows; least: x and what comes of it, read and written."""
    from hybridfuse.postprocess.symmetric import Symmetric

    for height, width, channels, half in GRIDS:
        m = height * width * channels
        x = torch.randn(128, m)
        ratios: dict[str, float] = {}
        for stem in chosen([stem for stem in STRUCTURAL if stem.startswith("grid")], words):
            round_patch = {} if "cuboid" in stem else {"radius": half}
            sizes = {"patch_height": half, "patch_width": half} if "cuboid" in stem else round_patch
            begin = time.perf_counter()
            given = {"height": height, "width": width, "channels": channels, "normalization": Symmetric(), **sizes}
            xi = XIS[stem](128, m, **given)
            built = time.perf_counter() - begin
            least = 4 * 128 * (m + xi.p) / bandwidth()
            size = f"{height}x{width}x{channels}, {2 * half + 1}²"
            other = None
            if with_peer and channels == 1 and stem in peer.NAMES:
                theirs = {"h": height, "w": width, "p_h": half, "p_w": half, "p_d": 0, "normalization": True}
                other = peer.function(stem, 128, m, **theirs)
            ratios[stem] = row(f"{stem} ({1e3 * built:.0f} ms)", size, xi, x, f"copy {least}", other)
        summary(f"grid {height}x{width}x{channels}", ratios)


def memory(words: list[str], with_peer: bool) -> None:
    """Most bytes of tensors that a call makes, as torch counts them, beside 4 (n² + n d) numbers."""
    b, m = SIZES[-1]
    x, allowed = torch.randn(b, m), 16 * (m * m + m * b)
    for stem in chosen(DENSE, words):
        most = allocated(XIS[stem](b, m, **options(stem, m)), x)
        print(f"   ({b}, {m}): {stem} {most / 1e6:.1f} of {allowed / 1e6:.1f} MB", flush=True)


@torch.no_grad()
def allocated(call: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> int:
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        result = call(x)
    events = profile.profiler.kineto_results.events()
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()) if event.nbytes()]
    del result
    return max(itertools.accumulate(changes))


ORDERS = {"manhattan_distance": 1.0, "minkowski_distance": 3.0, "chebyshev_distance": math.inf}


def distances(words: list[str], with_peer: bool) -> None:
    """A of attributes beside torch's own distances."""
    for b, m in SIZES:
        for stem in chosen(list(ORDERS), words):
            beside_torch(stem, b, m)


def beside_torch(stem: str, b: int, m: int) -> None:
    x, xi = torch.randn(b, m), XIS[stem](b, m)
    items = x.mT.contiguous()
    with torch.no_grad():
        ours, theirs = beside(lambda: xi.calculate_A(x), lambda: torch.cdist(items, items, ORDERS[stem]))
    shown = f"{1e3 * ours:.2f} ms, torch.cdist {1e3 * theirs:.2f} ms, x {theirs / ours:.1f}"
    print(f"   ({b}, {m}): {stem} {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="words, one of which a function's name must hold")
    parser.add_argument("--parts", nargs="*", default=["dense", "distances", "memory", "structures", "graphs", "grids"])
    parser.add_argument("--peer", action="store_true", help="time the paper's library as well, if it is importable")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    allocation.keep_freed()
    torch.set_num_threads(given.threads)
    if given.peer and peer.library is None:
        parser.error("the paper's library (tinybig) cannot be imported here.")
    rate = 2 * 2048**3 / gemm_seconds(2048, 2048) / 1e9
    print(f"{given.threads} threads: GEMM {rate:.0f} GFLOP/s, copy {bandwidth() / 1e9:.1f} GB/s")
    print(FORMAT.format(*HEADER))
    for part in (dense, distances, memory, structures, graphs, grids):
        if part.__name__ in given.parts:
            part(given.only, given.peer)


if __name__ == "__main__":
    main()
