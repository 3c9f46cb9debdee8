"""Statistical dependence between items, whose features are the observations."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import kernel
from hybridfuse.functional.summary import Moments


def pearson_correlation(moments: Moments) -> Float[Tensor, "n n"]:
    """Pearson correlation; a constant item correlates 0 with all others and 1 with itself."""
    _check_observations("pearson_correlation", moments.observations)
    return kernel.cosine_similarity(moments.products, torch.ones_like(moments.products.diagonal()))


def _check_observations(name: str, count: int) -> None:
    if count < 2:
        raise ValueError(
            f"{name} needs at least 2 observations of an item, got {count}; "
            "on the attribute axis these are the rows of a batch."
        )
