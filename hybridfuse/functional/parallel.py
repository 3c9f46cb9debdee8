"""Work on many small tensors over threads that wait for each other once, not after every operation."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def mapped(work: Callable[[Part], Result], parts: Iterable[Part], threads: int) -> Iterator[Result]:
    """What work gives for each part, in their order, so that sums of it do not depend on the number of threads.

    A few parts are ahead of what is taken at any time. No gradient is recorded unless work itself asks for it.
    """
    if threads == 1:
        yield from map(work, parts)
        return
    alone = _alone(work, torch.is_inference_mode_enabled())
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from _in_order(pool, alone, parts, 2 * threads)
    finally:
        # What a thread sets is what threads that start later have, too.
        torch.set_num_threads(threads)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Part], Result], parts: Iterable[Part], ahead: int
) -> Iterator[Result]:
    pending: deque[Future[Result]] = deque()
    for part in parts:
        pending.append(pool.submit(work, part))
        if len(pending) > ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _alone(work: Callable[[Part], Result], inference: bool) -> Callable[[Part], Result]:
    """In the mode of the thread that waits, which others do not inherit."""

    def call(part: Part) -> Result:
        with torch.inference_mode(inference), torch.no_grad():
            return work(part)

    return call
