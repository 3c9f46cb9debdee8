"""The network of RPN 2: a chain of layers, each with a hybrid interdependence of its own."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from hybridfuse import check
from hybridfuse.hybrid import HybridInterdependence
from hybridfuse.instantiate import Config, instantiate
from hybridfuse.model.rpn_layer import RpnLayer


class Rpn(nn.Module):
    """Layers of `RpnLayer`; between two of them normalisation, activation and dropout.

    Configurations, not objects, since every layer builds its own parts for its own sizes.

    Args:
        b: instances of a batch.
        m: attributes of the data.
        outputs: classes or targets.
        transformation: of κ.
        reconciliation: of ψ.
        remainder: of π.
        activation: of the module between layers.
        hybrid: of the hybrid on the chosen axis.
        second_hybrid: of a hybrid on the other axis; left out where it has no functions.
        hidden: widths of the layers between.
        hybrid_layers: how many layers, from the first, have the hybrids; by default all.
        normalization: of a module that is given the width, such as `torch.nn.LayerNorm`; none by default.
        dropout: share of the entries of hidden layers that is dropped. In [0, 1).
        bias: whether layers have a bias.

    Raises:
        ValueError: if an instance hybrid would change the number of rows, or a part refuses its sizes.

    References: RPN 2 (2024), arXiv 2411.11162, section 3.
    """

    builds_its_parts = True

    def __init__(
        self,
        b: int,
        m: int,
        outputs: int,
        transformation: Config,
        reconciliation: Config,
        remainder: Config,
        activation: Config,
        hybrid: Config | None = None,
        second_hybrid: Config | None = None,
        hidden: Sequence[int] = (),
        hybrid_layers: int | None = None,
        normalization: Config | None = None,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check.fraction("dropout", dropout)
        check.truth("bias", bias)
        hybrids = [
            config for config in (hybrid, second_hybrid) if config and config["interdependence_function_configs"]
        ]
        widths = [m, *check.wholes("hidden", hidden), outputs]
        related = len(widths) - 1 if hybrid_layers is None else check.whole("hybrid_layers", hybrid_layers, least=0)
        steps: list[nn.Module] = []
        for index, (width, following) in enumerate(pairwise(widths)):
            built = {h.interdependence_type: h for h in _hybrids(hybrids if index < related else [], b, width, index)}
            attribute, instance = built.get("attribute"), built.get("instance")
            kappa = instantiate(transformation, {"m": width if attribute is None else attribute.calculate_m_prime()})
            psi = instantiate(reconciliation, {"rows": following, "columns": kappa.width})
            pi = instantiate(remainder, {"m": width, "outputs": following})
            steps.append(RpnLayer(kappa, psi, pi, attribute, instance, bias))
            if index < len(widths) - 2:
                steps += [] if normalization is None else [instantiate(normalization)(following)]
                steps += [instantiate(activation), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*steps)

    def forward(self, x: Float[Tensor, "b m"]) -> Float[Tensor, "b outputs"]:
        return self.layers(x)


def _hybrids(configs: Sequence[Config], b: int, m: int, layer: int) -> list[HybridInterdependence]:
    try:
        hybrids: list[HybridInterdependence] = [instantiate(config, {"b": b, "m": m}) for config in configs]
    except ValueError as error:
        if not layer:
            raise
        sentence = str(error).rstrip(".")
        raise ValueError(
            f"layer {layer} with {m} attributes: {sentence}; model.hybrid_layers={layer} leaves it without a hybrid."
        ) from error
    for hybrid in hybrids:
        if hybrid.calculate_b_prime() != b:
            raise ValueError(
                f"a network on the instance axis must keep the {b} rows of a batch, got {hybrid.calculate_b_prime()} "
                f"from {hybrid.fusion_function.name} of {', '.join(hybrid.functions)}; use another fusion."
            )
    return hybrids
