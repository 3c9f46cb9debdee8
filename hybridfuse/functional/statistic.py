"""Statistical dependence between items, whose features are the observations."""

import torch
from jaxtyping import Float
from torch import Tensor

from hybridfuse.functional import kernel, precision, scale


@precision.full
def pearson_correlation(items: Float[Tensor, "n d"]) -> Float[Tensor, "n n"]:
    """Pearson correlation; a constant item correlates 0 with all others and 1 with itself."""
    if items.shape[1] < 2:
        raise ValueError(
            f"pearson_correlation needs at least 2 observations of an item, got {items.shape[1]}; "
            "on the attribute axis these are the rows of a batch."
        )
    correlation = kernel.correlation(scale.unit(scale.centre(items)))
    return correlation.diagonal_scatter(torch.ones_like(correlation.diagonal()))
