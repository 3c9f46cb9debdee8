"""Several maps of the same columns, side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse.fusion.base import Fusion
from hybridfuse.reconciliation.base import Reconciliation


class RpnChannels(nn.Module):
    r"""Stands where one ψ stands: maps columns by each of several, with a bias of its own each, and joins the outputs.

    $$Y = F(Z\, \psi_1(w_1)^\top + \beta_1, \; \ldots, \; Z\, \psi_C(w_C)^\top + \beta_C)$$

    Where F is linear, such as a mean, channels can do no more than one ψ that is the mean of theirs: of higher rank
    for ψ of low rank, the same for a full one. A maximum of two makes a maxout layer.

    Args:
        reconciliations: ψ_c, all of one shape.
        fusion: F.
        bias: whether there are β_c.

    References: RPN 2 (2024), arXiv 2411.11162, section 3; Goodfellow et al. (2013), Maxout networks, section 3.
    """

    def __init__(self, reconciliations: Sequence[Reconciliation], fusion: Fusion, bias: bool = True) -> None:
        super().__init__()
        self.channels = nn.ModuleList(reconciliations)
        self.fusion = fusion
        self.bias = nn.Parameter(torch.zeros(len(reconciliations), reconciliations[0].rows)) if bias else None

    def linear(
        self, x: Float[Tensor, "b columns"], bias: Float[Tensor, " outputs"] | None
    ) -> Float[Tensor, "b outputs"]:
        """The joined outputs, plus one more bias where it is given."""
        biases = [None] * len(self.channels) if self.bias is None else self.bias
        outputs = [channel.linear(x, own) for channel, own in zip(self.channels, biases, strict=True)]  # pyright: ignore[reportCallIssue]
        joined: Tensor = self.fusion(outputs)
        return joined if bias is None else joined + bias
