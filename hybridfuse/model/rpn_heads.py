"""Several heads of a layer, side by side."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.fusion.base import Fusion
from hybridfuse.model.rpn_layer import RpnLayer


class RpnHeads(nn.Module):
    r"""Gives the input to each head, which has hybrids, κ, ψ and π of its own, and joins their outputs.

    $$\operatorname{layer}(X) = F(\operatorname{head}_1(X), \; \ldots, \; \operatorname{head}_H(X))$$

    Args:
        heads: each a layer of its own, all of as many outputs.
        fusion: F.

    References: RPN 2 (2024), arXiv 2411.11162, section 3; Veličković et al. (2018), Graph attention networks,
        equations 5 and 6, for a concatenation and a mean.
    """

    def __init__(self, heads: Sequence[RpnLayer], fusion: Fusion) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.fusion = fusion

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return self.fusion([head(x) for head in self.heads])
