"""What several processes of one training run have to agree on."""

from typing import Any

import torch
from torch import distributed

from hybridfuse.functional.summary import S


def together(summary: S | None) -> S | None:
    """The summaries of all processes merged, the same one in each; None if one of them has none."""
    if not distributed.is_available() or not distributed.is_initialized():
        return summary
    if not all(_gathered(torch.tensor([summary is not None]))):
        return None
    whole: Any = summary
    first, *others = (type(whole)(*of_process) for of_process in zip(*map(_gathered, whole), strict=True))
    for other in others:
        first = first.merge(other)
    return first


def _gathered(value: Any) -> list[Any]:
    """A tensor or a number of each process, in their order."""
    kind = torch.float64 if isinstance(value, float) else None
    tensor = value.contiguous() if isinstance(value, torch.Tensor) else torch.tensor([value], dtype=kind)
    if distributed.get_backend() == "nccl":
        tensor = tensor.cuda()
    received = [torch.empty_like(tensor) for _ in range(distributed.get_world_size())]
    distributed.all_gather(received, tensor)
    return received if isinstance(value, torch.Tensor) else [one.item() for one in received]
