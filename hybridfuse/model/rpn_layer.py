"""One layer of the network of RPN 2."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hybridfuse.functional.repeated import Repeated
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.model.remainder.base import Remainder
from hybridfuse.model.rpn_channels import RpnChannels
from hybridfuse.model.transformation.base import Transformation
from hybridfuse.reconciliation.base import Reconciliation


class RpnLayer(nn.Module):
    r"""Relates attributes, transforms, relates instances, and maps what comes to the outputs.

    $$\operatorname{layer}(X) = A_i^\top \kappa(X A_a)\, \psi(w)^\top + \beta + \pi(X)$$

    A hybrid that is absent stands for the identity, which is never built.

    Args:
        transformation: κ, from the attributes after A_a.
        reconciliation: ψ(w), outputs by the width of κ, or several of them.
        remainder: π, from the attributes of X to the outputs.
        attribute_hybrid: A_a.
        instance_hybrid: A_i, computed from X.
        bias: whether there is β.
        input_dropout: share of the entries of κ that training drops before ψ; A_i and π see all of X. In [0, 1).
        instance_dropout: share of the instances of which training lets nothing through A_i, as DropNode. In [0, 1).

    References: RPN 2 (2024), arXiv 2411.11162, section 3; Feng et al. (2020), Graph random neural networks, section
        3.1, for a dropout of instances.
    """

    def __init__(
        self,
        transformation: Transformation,
        reconciliation: Reconciliation | RpnChannels,
        remainder: Remainder,
        attribute_hybrid: HybridInterdependence | None = None,
        instance_hybrid: HybridInterdependence | None = None,
        bias: bool = True,
        input_dropout: float = 0.0,
        instance_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attribute_hybrid = attribute_hybrid
        self.transformation = transformation
        self.instance_hybrid = instance_hybrid
        self.reconciliation = reconciliation
        self.bias = nn.Parameter(torch.zeros(remainder.outputs)) if bias else None
        self.remainder = remainder
        self.input_dropout = input_dropout
        self.instance_dropout = instance_dropout
        self._repeated = Repeated()

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        related = x if self.attribute_hybrid is None else self.attribute_hybrid(x)
        transformed = self.transformation(related)
        if self.instance_hybrid is None:
            return self._mapped(transformed, self.bias) + self.remainder(x)
        psi = self.reconciliation
        if isinstance(psi, Reconciliation) and psi.rows < transformed.shape[1]:  # Aᵀ (κ ψᵀ) is cheaper than (Aᵀ κ) ψᵀ
            mapped = self.instance_hybrid(x, kappa_x=self._some_instances(self._mapped(transformed, None)))
            return (mapped if self.bias is None else mapped + self.bias.to(mapped.dtype)) + self.remainder(x)
        transformed = self._some_instances(self._some_entries(transformed))
        transformed = self.instance_hybrid(x, kappa_x=transformed)
        return self.reconciliation.linear(transformed, self.bias) + self.remainder(x)

    def _mapped(self, transformed: Tensor, bias: Tensor | None) -> Float[Tensor, "b outputs"]:
        """κ ψᵀ + β, by the entries of κ where it is always the same and sparse, as words of papers are."""
        psi = self.reconciliation
        entries = self._repeated(transformed) if isinstance(psi, Reconciliation) else None
        if entries is None or not isinstance(psi, Reconciliation):
            return psi.linear(self._some_entries(transformed), bias)
        matrix = psi().mT.to(transformed.dtype)
        if self.training and self.input_dropout:
            mapped = entries.product_of(self._some_entries(entries.values), matrix)
        else:
            mapped = entries.product(matrix)
        return mapped if bias is None else mapped + bias.to(mapped.dtype)

    def _some_entries(self, entries: Tensor) -> Tensor:
        return functional.dropout(entries, self.input_dropout, self.training)

    def _some_instances(self, rows: Float[Tensor, "b e"]) -> Float[Tensor, "b e"]:
        if not (self.training and self.instance_dropout):
            return rows
        return rows * functional.dropout(rows.new_ones(len(rows), 1), self.instance_dropout)
